"""Export: a trained model as a folder of ONNX graphs that were proven equal to it, or nothing at all.

report = export_bundle(model, ends, task.manifest(), providers, Path("bundle"), name="co2")
verify_bundle(Path("bundle"))
"""

from seqhub.export.bundle import BundleReport, check_target, export_bundle
from seqhub.export.manifest import providers_of
from seqhub.export.verify import Check, verify_bundle

__all__ = ["BundleReport", "Check", "check_target", "export_bundle", "providers_of", "verify_bundle"]
