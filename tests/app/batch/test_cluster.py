"""The batch on a real Ray cluster of two nodes, on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from clips import build, make_video
from failing import build_that_dies_once, build_without_weights

from app.batch.cluster import ClusterError, run_cluster, with_local_weights
from app.batch.inputs import find_clips
from app.batch.manifest import NAME
from app.batch.progress import Quiet
from app.batch.runs import run_batch
from app.batch.store import Store
from app.batch.workers import run_here
from app.config import ClipOptions, Settings
from pose.weight_files import WeightsError
from tracking.pipeline import PipelineConfig

SETTINGS = Settings(clip=ClipOptions(formats=("posetrack18", "csv", "coco", "mot")))


def compare(one: Path, many: Path) -> None:
    """All files but the manifest, which holds how long each clip took, are the same."""
    names = sorted(path.name for path in one.iterdir() if path.name != NAME)
    assert len(names) == 3 * 6  # video, four kinds of tracks and the header of three clips
    assert names == sorted(path.name for path in many.iterdir() if path.name != NAME)
    for name in names:
        assert (one / name).read_bytes() == (many / name).read_bytes(), name


def test_weights_sent_along_are_written_once_and_named_in_the_config() -> None:
    sent = {"some-pose.safetensors": b"header", "others.safetensors": b"numbers"}
    config = with_local_weights(PipelineConfig(), {"some.xml": b"<net>", "some.bin": b"1"}, sent)
    assert Path(config.detector).name == "some.xml"
    assert Path(config.detector).with_suffix(".bin").read_bytes() == b"1"
    assert Path(config.pose).name == "some-pose.safetensors"
    assert Path(config.pose).read_bytes() == b"header"
    assert Path(config.pose).with_name("others.safetensors").read_bytes() == b"numbers"
    again = with_local_weights(PipelineConfig(), {"some.xml": b"<net>", "some.bin": b"1"}, sent)
    assert again == config
    assert with_local_weights(PipelineConfig()) == PipelineConfig()


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marker") / "died"


@pytest.fixture(scope="module")
def cluster(marker: Path) -> Iterator[str]:
    """Two nodes of two CPUs; the processes of both can import these tests."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install posse[cluster]")
    from ray.cluster_utils import Cluster

    here = Path(__file__).parent
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
    )
    nodes.add_node(num_cpus=2)
    paths = os.pathsep.join(map(str, (here, here.parent, here.parents[2])))
    environment = {"PYTHONPATH": paths, "POSSE_TEST_MARKER": str(marker)}
    ray.init(address=nodes.address, runtime_env={"env_vars": environment}, log_to_driver=False)
    yield nodes.address
    ray.shutdown()
    nodes.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestCluster:
    """One cluster for all: starting it takes longer than the tests."""

    def batch(self, season: Path, output: Path, run: partial) -> list[str]:
        clips = find_clips([str(season)], output)
        outcome = run_batch(clips, output, SETTINGS, {}, run, Quiet(), lambda: False)
        assert not outcome.failed, outcome.failed
        return sorted(Path(entry.source).name for entry in outcome.done)

    @pytest.fixture
    def season(self, tmp_path: Path) -> Path:
        folder = tmp_path / "season"
        folder.mkdir()
        for name, people in (("a", 1), ("b", 2), ("c", 2)):
            make_video(folder / f"{name}.mp4", 15, people=people)
        return folder

    def test_the_files_are_those_of_one_machine(
        self, cluster: str, season: Path, tmp_path: Path
    ) -> None:
        run = partial(run_cluster, build=build, address=cluster)
        assert self.batch(season, tmp_path / "many", run) == ["a.mp4", "b.mp4", "c.mp4"]
        self.batch(season, tmp_path / "one", partial(run_here, build=build))
        compare(tmp_path / "one", tmp_path / "many")

    def test_a_worker_killed_in_the_middle_changes_nothing(
        self, cluster: str, season: Path, tmp_path: Path, marker: Path
    ) -> None:
        run = partial(run_cluster, build=build_that_dies_once, address=cluster)
        assert self.batch(season, tmp_path / "many", run) == ["a.mp4", "b.mp4", "c.mp4"]
        assert marker.exists()
        self.batch(season, tmp_path / "one", partial(run_here, build=build))
        compare(tmp_path / "one", tmp_path / "many")

    def test_results_reach_a_store(self, cluster: str, season: Path, tmp_path: Path) -> None:
        run = partial(run_cluster, build=build, address=cluster)
        store = Store(f"file://{tmp_path}/store")
        clips = find_clips([str(season)], store.scratch)
        run_batch(clips, store.scratch, SETTINGS, {}, run, Quiet(), lambda: False, store=store)
        self.batch(season, tmp_path / "one", partial(run_here, build=build))
        compare(tmp_path / "one", tmp_path / "store")

    def test_missing_weights_end_the_batch_with_their_own_line(
        self, cluster: str, season: Path, tmp_path: Path
    ) -> None:
        run = partial(run_cluster, build=build_without_weights, address=cluster)
        with pytest.raises(WeightsError, match="no such weights file"):
            self.batch(season, tmp_path / "many", run)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_cluster_is_one_line() -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install posse[cluster]")
    ray.shutdown()
    with pytest.raises(ClusterError, match="ray start --head"):
        next(run_cluster([], None, print, bool, build=build, address="127.0.0.1:1"))  # type: ignore[arg-type]
