"""A compiled function called again and again without Python in between, by a driver in C++ (`chain.cpp`): each time on
the next piece of its tensors, and on what it gave before. From Python every call would cost as much as some steps, and
threads would wait for each other at each.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqhub.nn.engines.library import torch_library

_MESSAGE = 1000  # characters


class _Shape(ctypes.Structure):
    _fields_ = (
        ("dims", ctypes.c_int64),
        ("sizes", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
    )


class _Interface(ctypes.Structure):
    _fields_ = (("view", ctypes.c_void_p), ("copy", ctypes.c_void_p), ("drop", ctypes.c_void_p))


class Chain:
    """A function that torch compiled, as a loop of calls.

    call: what torch gave, of C++ from end to end. taken: which of the arguments it takes. places: where each result is
    found, among the arguments or (counted on) the outputs. Raises what loading raises.
    """

    def __init__(
        self, call: Callable[..., Any], examples: Sequence[Tensor], taken: list[int], places: list[int]
    ) -> None:
        every = [_Shape(t.dim(), _numbers(t.shape), _numbers(t.stride())) for t in examples]
        outputs = {place for place in places if place >= len(examples)}
        self._n_results = len(places)
        self._driver = partial(
            _driver(),
            _entry(call),
            ctypes.byref(_interface()),
            (_Shape * len(every))(*every),
            len(every),
            _numbers(taken),
            len(taken),
            _numbers(places),
            len(places),
            len(outputs),
        )

    def ready(
        self, calls: int, given: Sequence[Tensor], steps: Sequence[int], feeds: Sequence[int]
    ) -> Callable[[], list[Tensor]]:
        """What makes so many calls (one at least) when it is called, once, and gives the results of the last; all that
        Python has to do is done before. Of each argument: what the first call is given, of the shape and strides of the
        example; how many elements further on the next finds it; or which result of the one before it is instead (-1:
        none). RuntimeError, when it is called: what the function threw.
        """
        own = [tensor.detach() for tensor in given]  # threads that count the users of one tensor wait for each other
        handles = torch._C._aoti.unsafe_alloc_void_ptrs_from_tensors(own)
        bases = (ctypes.c_void_p * len(own))(*[_pointer(handle, None) for handle in handles])
        results, message = (ctypes.c_void_p * self._n_results)(), ctypes.create_string_buffer(_MESSAGE)
        drive = partial(self._driver, calls, bases, _numbers(steps), _numbers(feeds), results, message, _MESSAGE)

        def run() -> list[Tensor]:
            failed = drive()
            torch._C._aoti.alloc_tensors_by_stealing_from_void_ptrs(handles)  # and let go
            if failed:
                raise RuntimeError(f"a compiled loop failed: {message.value.decode(errors='replace')}")
            stolen = [_capsule(each, None, None) for each in results]
            return list(torch._C._aoti.alloc_tensors_by_stealing_from_void_ptrs(stolen))

        return run


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.argtypes, _pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.argtypes, _capsule.restype = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p], ctypes.py_object


def _numbers(values: Sequence[int]) -> Any:
    return (ctypes.c_int64 * len(values))(*values)


def _entry(call: Callable[..., Any]) -> int:
    """The address of the compiled function itself, behind its Python wrapper."""
    inside = [cell.cell_contents for cell in call.__closure__ or ()]
    module = next(each.__self__ for each in inside if hasattr(getattr(each, "__self__", None), "__file__"))
    library = ctypes.CDLL(module.__file__)
    function = library._Z19inductor_entry_implPP16AtenTensorOpaqueS1_
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _interface() -> _Interface:
    names = ("aoti_torch__reinterpret_tensor", "aoti_torch_new_tensor_handle", "aoti_torch_delete_tensor_object")
    return _Interface(*(ctypes.cast(getattr(torch_library(), name), ctypes.c_void_p) for name in names))


@cache
def _driver() -> Any:
    from torch._inductor.codecache import CppCodeCache

    source = Path(__file__).with_name("chain.cpp").read_text(encoding="utf-8")
    library = CppCodeCache.load(source, device_type="cpu")
    driver = ctypes.PyDLL(library._name).seqhub_chain
    numbers, handles = ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_void_p)
    driver.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(_Interface),
        ctypes.POINTER(_Shape),
        ctypes.c_int64,
        numbers,
        ctypes.c_int64,
        numbers,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        handles,
        numbers,
        numbers,
        handles,
        ctypes.c_char_p,
        ctypes.c_int64,
    ]
    driver.restype = ctypes.c_int
    return driver
