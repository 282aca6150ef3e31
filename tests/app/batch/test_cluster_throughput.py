"""Frames a second on a Ray cluster of one and of two workers, for docs/cluster.md.

POSSE_CLUSTER_CLIP=assets/sample.mp4 pytest tests/app/batch/test_cluster_throughput.py -s
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest
from clips import BrightBoxes, Upright

from app.batch.cluster import CPUS_PER_CLIP, run_cluster
from app.batch.inputs import find_clips
from app.batch.progress import Quiet
from app.batch.runs import Runner, run_batch
from app.batch.workers import Build, run_here
from app.config import ClipOptions, Settings
from pose.people import Detections, Frame
from tracking.pipeline import Pipeline, PipelineConfig, build_pipeline

CLIP = os.environ.get("POSSE_CLUSTER_CLIP")
CLIPS = 6
ROOT = Path(__file__).resolve().parents[3]
SETTINGS = Settings(clip=ClipOptions(max_frames=100))


class Elsewhere(BrightBoxes):
    """A network that computes somewhere else, for 50 ms: it leaves this machine's cores free."""

    def __call__(self, frame: Frame) -> Detections:
        time.sleep(0.05)
        return super().__call__(frame)


def build_elsewhere(config: PipelineConfig) -> Pipeline:
    return Pipeline(Elsewhere(), Upright(), config)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(CLIP is None, reason="measures: name a clip in POSSE_CLUSTER_CLIP")
@pytest.mark.parametrize("build", [build_pipeline, build_elsewhere])
def test_two_workers_finish_all_clips_as_one_does(tmp_path: Path, build: Build) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install posse[cluster]")
    from ray.cluster_utils import Cluster

    def frames_a_second(name: str, run: Runner, clips: int = CLIPS) -> float:
        sources = tmp_path / f"{clips}"
        sources.mkdir(exist_ok=True)
        for number in range(clips):
            copy = sources / f"{number}.mp4"
            if not copy.exists():
                copy.symlink_to(Path(CLIP or "").resolve())
        found = find_clips([str(copy) for copy in sorted(sources.iterdir())], tmp_path / name)
        assert len(found) == clips
        began = time.monotonic()
        outcome = run_batch(
            found, tmp_path / name, SETTINGS, {}, run, Quiet(), lambda: False, resume=False
        )
        assert len(outcome.done) == clips, outcome.failed
        return sum(entry.frames for entry in outcome.done) / (time.monotonic() - began)

    rate = frames_a_second("plain", partial(run_here, build=build))
    print(f"\n{build.__name__}, without Ray: {rate:.1f} frames/s")
    node = {"num_cpus": CPUS_PER_CLIP}
    nodes = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    paths = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1], ROOT)))
    try:
        environment = {"env_vars": {"PYTHONPATH": paths}}
        ray.init(address=nodes.address, runtime_env=environment, log_to_driver=False)
        run = partial(run_cluster, build=build, address=nodes.address)
        for workers in (1, 2):
            if workers == 2:
                nodes.add_node(**node)
            frames_a_second(f"warm{workers}", run, workers)  # start processes, load networks
            rate = frames_a_second(f"workers{workers}", run)
            print(f"{build.__name__}, {workers} on Ray: {rate:.1f} frames/s")
    finally:
        ray.shutdown()
        nodes.shutdown()
