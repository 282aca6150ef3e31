"""High dynamic range video to standard range, so that colours look right on any screen.

PQ (SMPTE ST 2084) and HLG (ARIB STD-B67) encode far more light than a screen shows. Codes are
decoded to linear light, converted from BT.2020 primaries to BT.709's, compressed by Reinhard's
curve with 203 cd/m2 as white (ITU-R BT.2408), and encoded with BT.709's curve as a 2.4 gamma.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

from pose.people import FloatArray, ImageArray

PQ, HLG = int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)
TRANSFERS = (PQ, HLG)
WHITE_CD_M2 = 203.0  # diffuse white, ITU-R BT.2408
PEAK = 1000.0 / WHITE_CD_M2  # the light that maps to the brightest white

# ITU-R BT.2087, rows and columns in B, G, R order
BT2020_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]], np.float32
)


def to_sdr(image: NDArray[np.uint16], transfer: int) -> ImageArray:
    """Convert (H, W, 3) 16-bit BGR of `transfer` (PQ or HLG) to 8-bit BT.709."""
    light = _light_of_code(transfer)[image >> 4]  # (H, W, 3), 1 = diffuse white
    light = cv2.transform(light, BT2020_TO_BT709)
    codes = np.clip(light * (4095 / PEAK), 0, 4095).astype(np.uint16)
    return _code_of_light()[codes]


@cache
def _light_of_code(transfer: int) -> FloatArray:
    """(4096,) light, 1 = diffuse white, of each 12-bit code."""
    code = np.linspace(0, 1, 4096)
    if transfer == PQ:  # ST 2084, equation 4.1
        power = code ** (1 / 78.84375)
        light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
        return (10000 / WHITE_CD_M2 * light ** (1 / 0.1593017578125)).astype(np.float32)
    # BT.2100, table 5: inverse OETF, then the system gamma 1.2 of a 1000 cd/m2 display
    scene = np.where(
        code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    return (PEAK * scene**1.2).astype(np.float32)


@cache
def _code_of_light() -> NDArray[np.uint8]:
    """(4096,) 8-bit codes of light 0 to PEAK."""
    light = np.linspace(0, PEAK, 4096)
    shown = light * (1 + light / PEAK**2) / (1 + light)  # Reinhard et al. 2002, equation 4
    return np.round(255 * np.clip(shown, 0, 1) ** (1 / 2.4)).astype(np.uint8)
