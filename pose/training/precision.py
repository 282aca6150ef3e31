"""Which half precision pays off on a device, and how it is used."""

from __future__ import annotations

import torch

from pose.training.recipes import Precision


def half_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The half-precision type for `precision` on a device; None: float32.

    A CPU without bf16 would convert every number there and back: on two cores with AVX2 a step of
    HRNet took eight times as long. So bf16 is float32 there.
    """
    if precision == "fp16":
        return torch.float16
    in_vain = device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return None if precision == "fp32" or in_vain else torch.bfloat16


class HalfPrecision:
    """Half precision where it pays off, in matrix products and convolutions; losses stay float32.

    The scaler, for fp16 only, scales small gradients up into the range of fp16.
    """

    def __init__(self, precision: Precision, device: torch.device) -> None:
        self.device = device
        self._type = half_precision(precision, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    def autocast(self) -> torch.autocast:
        """Autocast without its cache: a recorded step would reuse one step's cache for ever."""
        enabled = self._type is not None
        return torch.autocast(self.device.type, self._type, enabled=enabled, cache_enabled=False)
