"""The tracker with one part removed or changed at a time, and two baselines."""

from __future__ import annotations

from dataclasses import replace

from tracking.tracker import TrackerConfig

_WHOLE = TrackerConfig()
_BARE = replace(  # one frame of memory, no prediction, no penalties
    _WHOLE,
    box_margin=0.0,
    double_oks=1.0,
    low_penalty=0.0,
    lost_penalty=0.0,
    crowd_doubt=0.0,
    reach=0.0,
    sure_pose=0.0,
    coast_s=0.0,
    memory_s=0.045,
    velocity_decay_s=1e-3,
)

BASELINES = {
    "greedy OKS, one frame": replace(_BARE, oks_weight=1.0, assignment="greedy"),
    "IoU alone, one frame": replace(_BARE, oks_weight=0.0),
}

ABLATIONS = {
    "no joints (IoU alone)": replace(_WHOLE, oks_weight=0.0),
    "joints alone where sure": replace(_WHOLE, oks_weight=1.0),
    "greedy assignment": replace(_WHOLE, assignment="greedy"),
    "no motion": replace(_WHOLE, velocity_decay_s=1e-3),
    "motion never decays": replace(_WHOLE, velocity_decay_s=1e3),
    "boxes not grown": replace(_WHOLE, box_margin=0.0),
    "boxes grown by 0.3": replace(_WHOLE, box_margin=0.3),
    "doubles stay": replace(_WHOLE, double_oks=1.0),
    "poses not asked for the score": replace(_WHOLE, sure_pose=0.0),
    "no low scores": replace(_WHOLE, low_thr=_WHOLE.high_thr),
    "low scores as good as high": replace(_WHOLE, low_penalty=0.0),
    "lost as good as seen": replace(_WHOLE, lost_penalty=0.0),
    "no second look at the lost": replace(_WHOLE, reach=0.0),
    "nobody shown unseen": replace(_WHOLE, coast_s=0.0),
    "shown unseen for 0.04 s": replace(_WHOLE, coast_s=0.04),
    "shown unseen for 0.24 s": replace(_WHOLE, coast_s=0.24),
    "memory of 1 s": replace(_WHOLE, memory_s=1.0),
    "memory of 5 s": replace(_WHOLE, memory_s=5.0),
    "shown at once": replace(_WHOLE, confirm_score=0.0),
    "no doubt in crowds": replace(_WHOLE, crowd_doubt=0.0),
}
