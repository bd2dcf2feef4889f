"""The recipes over labelled series and recordings, end to end on files made here: train, export, verify, and answer raw
files without torch.
"""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from seqhub.audio import read_sound
from tests.cli.commands import run

ROOT = Path(__file__).parents[2]
# raw file that the bundle answers, relative to the folder of data, and how many answers there are
FIRST = {
    "classify/fsdd-digits": ("fsdd/recordings/3_ann_0.wav", 1),
}
OTHERS = {
    "classify/japanese-vowels": ("japanese_vowels/JapaneseVowels_TEST.ts", 18),
    "classify/eeg-eye-state": ("eeg.csv", 1),
    "classify/ecg200-gru-fcn": ("ecg200/ECG200_TEST.tsv", 12),
    "classify/basic-motions": ("basic_motions/BasicMotions_TEST.ts", 12),
    "classify/robot-failures": ("robot.csv", 1),
    "transcribe/fsdd-strings": ("fsdd/recordings/3_ann_0.wav", 1),
    "transcribe/yesno": ("yesno/waves_yesno/1_0_0_0_1_1_1_1.wav", 1),
}
EEG = "AF3,F7,F3,FC5,T7,P7,O1,O2,P8,T8,FC6,F4,F8,AF4"
ROBOT = "fx,fy,fz,tx,ty,tz"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as the recipes expect it; a label is a level that its series wander around."""
    root, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(0)

    def series(level: int, steps: int, columns: int) -> list[list[str]]:
        """The columns of a series, as text."""
        return [[f"{value:.3f}" for value in draw.normal(level, 1.0, steps)] for _ in range(columns)]

    def write(name: str, lines: list[str]) -> None:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("\n".join(lines) + "\n")

    for split, each in (("TRAIN", 5), ("TEST", 2)):
        walks = ("Standing", "Running", "Walking", "Badminton")
        for name, labels, columns, steps in (
            ("japanese_vowels/JapaneseVowels", [str(i) for i in range(1, 10)], 12, 8),
            ("basic_motions/BasicMotions", walks, 6, 20),
        ):
            rows = [(i, label) for i, label in enumerate(labels) for _ in range(each + (len(labels) == 4))]
            body = [
                ":".join([*(",".join(c) for c in series(i, steps + row % 3, columns)), label])
                for row, (i, label) in enumerate(rows)
            ]
            head = ["@problemName made", f"@dimensions {columns}", f"@classLabel true {' '.join(labels)}", "@data"]
            write(f"{name}_{split}.ts", [*head, *body])
        rows = [
            "\t".join([label, *series(i, 20, 1)[0]]) for i, label in enumerate(("-1", "1")) for _ in range(3 * each)
        ]
        write(f"ecg200/ECG200_{split}.tsv", rows if split == "TRAIN" else rows[:12])
    robot = [
        line
        for i, label in enumerate(("normal", "collision", "obstruction", "fr_collision") * 6)
        for line in (label, *("\t".join(row) for row in zip(*series(i % 4, 15, 6), strict=True)), "")
    ]
    write("robot_failures/lp1.data.txt", robot)
    write("robot.csv", [ROBOT, *(",".join(row) for row in zip(*series(0, 15, 6), strict=True))])
    rows = [",".join(row) for row in zip(*series(4300, 1200, 14), strict=True)]
    declared = [f"@attribute {name} numeric" for name in EEG.split(",")]
    lines = [f"{row},{i // 40 % 2}" for i, row in enumerate(rows)]
    write(
        "eeg_eye_state/EEG_Eye_State.arff",
        ["@relation made", *declared, "@attribute eyeDetection {0,1}", "@data", *lines],
    )
    write("eeg.csv", [EEG, *rows[:200]])
    for digit in range(10):
        for index in range(8):
            sound(root / "fsdd" / "recordings" / f"{digit}_ann_{index}.wav", [digit], draw)
    for text in range(12):
        said = [text >> bit & 1 for bit in range(7, -1, -1)]
        for first in (0, 1):
            words = [first, *said[1:]]
            sound(root / "yesno" / "waves_yesno" / f"{'_'.join(map(str, words))}.wav", words, draw)
    sound(root / "yesno" / "waves_yesno" / "1_0_0_0_1_1_1_1.wav", [1, 0, 0, 0, 1, 1, 1, 1], draw)
    return root


def sound(path: Path, words: list[int], draw: np.random.Generator) -> None:
    """A tone a word, 8 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(1600) / 8000
    tones = [0.3 * np.sin(2 * np.pi * (300 + 150 * word) * t) * np.hanning(len(t)) for word in words]
    samples = np.concatenate(tones) + 0.01 * draw.standard_normal(1600 * len(words))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, len(samples), "NONE", "not compressed"))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


ANSWER = """
import json, sys
import seqhub.runtime
model = seqhub.runtime.load("run/bundle")
found = model.predict({path!r})
assert "torch" not in sys.modules
print(json.dumps([answer.as_dict() for answer in (found if isinstance(found, list) else [found])]))
"""
ALL = {**FIRST, **OTHERS}


@pytest.mark.parametrize(
    "recipe",
    [pytest.param(r, marks=pytest.mark.heavy) for r in FIRST]
    + [pytest.param(r, marks=[pytest.mark.heavy, pytest.mark.slow]) for r in OTHERS],
)
def test_the_whole_road_from_raw_files_and_back(recipe, data, tmp_path):
    path = ROOT / "recipes" / f"{recipe}.yaml"
    python = (sys.executable, "-m", "seqhub")
    run(tmp_path, data, *python, "run", str(path), "--smoke", "--out", "run", "--set", "train.threads=1")
    report = run(tmp_path, data, *python, "verify", "run/bundle")
    assert "checksums" in report
    raw, count = ALL[recipe]
    answers = json.loads(run(tmp_path, data, sys.executable, "-c", ANSWER.format(path=str(data / raw))))
    assert len(answers) == count
    task = json.loads((tmp_path / "run" / "bundle" / "seqhub.json").read_text())["task"]
    if task["type"] == "classify":
        for answer in answers:
            assert set(answer["probabilities"]) == set(task["labels"])
            assert sum(answer["probabilities"].values()) == pytest.approx(1.0)
        assert (tmp_path / "run" / "plots" / "reliability.png").is_file()
    else:
        assert set(answers[0]) == {"text"}
    known = {
        row.get("item"): row
        for row in map(json.loads, (tmp_path / "run" / "predictions" / "test.jsonl").read_text().splitlines())
    }
    if Path(raw).name in known and task["type"] == "classify":  # what scored the bundle and what a user gets are one
        assert answers[0]["label"] == known[Path(raw).name]["prediction"]
        assert read_sound(data / raw).rate == task["rate_hz"] == 8000
