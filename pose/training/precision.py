"""Which half precision pays on a device."""

from __future__ import annotations

import torch

from pose.training.recipes import Precision


def half_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The half type that `precision` means on a device; None: float32.

    A processor without bf16 would convert every number there and back: on two cores with AVX2 a
    step of HRNet took eight times as long. So bf16 is float32 there.
    """
    if precision == "fp16":
        return torch.float16
    in_vain = device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return None if precision == "fp32" or in_vain else torch.bfloat16
