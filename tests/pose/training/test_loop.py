"""A run gives the same weights every time, whatever happens to it."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_data import small_recipe, small_task, write_data

from pose.training.card import CARD
from pose.training.loop import Run
from pose.training.pose_task import PoseTask
from pose.training.precision import half_precision
from pose.training.processes import Processes
from pose.training.readers import TrainingDataError
from pose.training.recipes import Stage, parse_stage
from pose.weight_files import WeightsError
from pose.weights import load_weights, save_weights

CPU = Processes(torch.device("cpu"))


def _train(file: Path, out: Path, **changes: Any) -> Run:
    torch.manual_seed(0)
    run = Run(small_task(file), small_recipe(**changes), out, CPU)
    run.train()
    return run


def _script(text: str, *arguments: Path | str) -> subprocess.CompletedProcess[str]:
    return _python("-c", text, *map(str, arguments))


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the tests' own modules and the project's on its path."""
    here = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labels.json and, in out, a finished run on it; read-only."""
    folder = tmp_path_factory.mktemp("usual")
    _train(write_data(folder), folder / "out")
    return folder


@pytest.fixture
def trained(usual: Path, tmp_path: Path) -> Path:
    """A copy of `usual` that the test may change."""
    return shutil.copytree(usual, tmp_path / "trained")


def _log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def _assert_same_weights(a: Path, b: Path) -> None:
    first, second = load_weights(a / "best.safetensors"), load_weights(b / "best.safetensors")
    assert first[1] == second[1]
    assert all(torch.equal(value, second[0][name]) for name, value in first[0].items())


def test_two_runs_with_one_seed_give_the_same_weights(usual: Path, tmp_path: Path) -> None:
    _train(usual / "labels.json", tmp_path)
    _assert_same_weights(usual / "out", tmp_path)
    assert _log(usual / "out") == _log(tmp_path)


WITH_WORKERS = """
import sys, torch
from pathlib import Path
from small_data import small_recipe, small_task
from pose.training.card import CARD
from pose.training.loop import Run
from pose.training.processes import Processes
torch.manual_seed(0)
cpu = Processes(torch.device("cpu"))
Run(small_task(Path(sys.argv[1])), small_recipe(), Path(sys.argv[2]), cpu, workers=2).train()
"""


def test_worker_processes_change_nothing(usual: Path, tmp_path: Path) -> None:
    # In its own process: OpenVINO's CPU plugin, once other tests loaded and freed it, leaves this
    # process a signal stack that is gone, and a worker's end is signalled on that stack.
    process = _script(WITH_WORKERS, usual / "labels.json", tmp_path)
    assert process.returncode == 0, process.stderr
    _assert_same_weights(usual / "out", tmp_path)
    assert _log(usual / "out") == _log(tmp_path)


def test_scores_may_be_taken_at_some_epochs_only_and_at_the_end(tmp_path: Path) -> None:
    task, out = small_task(write_data(tmp_path)), tmp_path / "out"
    Run(task, small_recipe(5), out, CPU, score_every=2).train()
    assert [line["epoch"] for line in _log(out) if "epoch" in line] == [1, 3, 4]
    assert (out / "best.safetensors").is_file()


def test_patience_waits_for_a_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5, 0.4, 0.3])
    monkeypatch.setattr(PoseTask, "evaluate", lambda *_: {"score": next(scores)})
    out = tmp_path / "out"
    Run(
        small_task(write_data(tmp_path)), small_recipe(9, patience=1), out, CPU, score_every=2
    ).train()
    assert [line["epoch"] for line in _log(out) if "epoch" in line] == [1, 3]


def test_another_seed_gives_another_run(usual: Path, tmp_path: Path) -> None:
    _train(usual / "labels.json", tmp_path, seed=1)
    assert _log(usual / "out") != _log(tmp_path)


def test_crops_of_several_sizes_train_one_network_and_the_first_size_chooses_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = parse_stage("32x64+64x64:4:2")
    assert stage == Stage((32, 64), 4, 2, ((64, 64),))
    task = small_task(write_data(tmp_path))
    seen, collate = set(), PoseTask.collate

    def noted(samples: list[Any]) -> tuple[torch.Tensor, ...]:
        batch = collate(samples)
        seen.add(tuple(batch[0].shape[1:3]))
        return batch

    monkeypatch.setattr(PoseTask, "collate", staticmethod(noted))
    Run(task, replace(small_recipe(), stages=(stage,)), tmp_path / "out", CPU).train()
    assert seen == {(64, 32), (64, 64)}
    assert load_weights(tmp_path / "out" / "best.safetensors")[1]["input_wh"] == "32x64"
    scores = next(line for line in _log(tmp_path / "out") if "epoch" in line)
    assert scores["score"] == scores["oks-ap"]
    assert "oks-ap at 64x64" in scores


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from small_data import small_recipe, small_task
from pose.training.card import CARD
from pose.training.loop import Run
from pose.training.processes import Processes
file, out, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
run = Run(small_task(file), small_recipe(), out, Processes(torch.device("cpu")), save_every_s=0.2)
step = run._optimisation.step
def fatal(rate):
    if run.progress.done == last:
        os.kill(os.getpid(), signal.SIGKILL)
    step(rate)
run._optimisation.step = fatal
run.train()
"""


@pytest.mark.slow
def test_a_run_killed_at_any_moment_goes_on_to_the_same_curve(usual: Path, tmp_path: Path) -> None:
    file = usual / "labels.json"
    last = random.randint(2, 8)  # of 9 steps
    process = _script(KILLED, file, tmp_path, str(last))
    assert process.returncode == -signal.SIGKILL, process.stderr

    _train(file, tmp_path)
    assert _log(tmp_path) == _log(usual / "out"), f"killed at step {last}"
    _assert_same_weights(tmp_path, usual / "out")


def test_a_line_that_a_kill_cut_off_is_dropped(trained: Path) -> None:
    lines = _log(trained / "out")
    with (trained / "out" / "log.jsonl").open("a") as log:
        log.write('{"step": 9, "lo')
    _train(trained / "labels.json", trained / "out")
    assert _log(trained / "out") == lines


def test_a_run_is_not_resumed_with_another_recipe(trained: Path) -> None:
    with pytest.raises(TrainingDataError, match="another recipe, network, start, teacher or data"):
        _train(trained / "labels.json", trained / "out", learning_rate=0.5)


def test_a_run_is_not_resumed_with_other_data_or_another_start(trained: Path) -> None:
    file, out = trained / "labels.json", trained / "out"
    torch.manual_seed(1)  # other initial weights
    with pytest.raises(TrainingDataError, match="another recipe, network, start, teacher or data"):
        Run(small_task(file), small_recipe(), out, CPU)
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"][0] += 1.0
    file.write_text(json.dumps(content))
    with pytest.raises(TrainingDataError, match="another recipe, network, start, teacher or data"):
        _train(file, out)


def test_a_finished_run_whose_save_was_deleted_is_not_trained_over(trained: Path) -> None:
    out = trained / "out"
    (out / "last.pt").unlink()
    (out / CARD).touch()
    lines = _log(out)
    with pytest.raises(TrainingDataError, match=r"a finished run without its last\.pt"):
        _train(trained / "labels.json", out)
    assert _log(out) == lines


def test_a_damaged_save_is_reported_in_one_line(trained: Path) -> None:
    save = trained / "out" / "last.pt"
    save.write_bytes(save.read_bytes()[:1000])
    with pytest.raises(TrainingDataError, match="is damaged; delete it to start anew"):
        _train(trained / "labels.json", trained / "out")


def test_a_full_disk_is_reported_and_leaves_the_last_save(trained: Path) -> None:
    file, out = trained / "labels.json", trained / "out"
    run = _train(file, out)  # finished: it only reads the save
    names = {path.name for path in out.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # no file larger than this
    try:
        with pytest.raises(TrainingDataError, match=r"last\.pt: cannot be written"):
            run._save()
        with pytest.raises(WeightsError, match=r"best\.safetensors: cannot be written"):
            save_weights(out / "best.safetensors", run._network.state_dict(), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name for path in out.iterdir()} == names
    _train(file, out)  # the save is still whole


def test_the_loss_falls_and_the_curves_are_drawn(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    _train(file, tmp_path / "out", epochs=8)
    losses = [line["loss"] for line in _log(tmp_path / "out") if "loss" in line]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert (tmp_path / "out" / "curves.png").stat().st_size > 1000


def test_a_run_without_progress_stops_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.5, 0.6, 0.6, 0.1, 0.9])
    monkeypatch.setattr(PoseTask, "evaluate", lambda *_: {"score": next(scores)})
    run = _train(write_data(tmp_path), tmp_path / "out", epochs=9, patience=2)
    assert [line["score"] for line in _log(tmp_path / "out") if "score" in line] == [
        0.5, 0.6, 0.6, 0.1
    ]  # fmt: skip
    assert run.progress.best == 0.6
    run = _train(tmp_path / "labels.json", tmp_path / "out", epochs=9, patience=2)
    assert run.progress.best == 0.6  # the same command again trains no further


def test_a_loss_that_is_not_a_number_ends_the_run_with_advice(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    with pytest.raises(TrainingDataError, match="lower --lr"):
        _train(file, tmp_path / "out", epochs=20, learning_rate=1e30)


def test_a_frozen_backbone_stays_as_it_was(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in small_task(file).network.state_dict().items()}
    _train(file, tmp_path / "out", backbone_rate=0.0)
    after = torch.load(tmp_path / "out" / "last.pt", weights_only=True)["network"]
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"final_layer"}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_too(tmp_path: Path, precision: str) -> None:
    file = write_data(tmp_path)
    _train(file, tmp_path / "out", precision=precision, epochs=4, optimiser="adamw")
    losses = [line["loss"] for line in _log(tmp_path / "out") if "loss" in line]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_bf16_is_float32_on_processors_without_it() -> None:
    cpu, can = torch.device("cpu"), torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert half_precision("bf16", cpu) == (torch.bfloat16 if can else None)
    assert half_precision("bf16", torch.device("cuda")) == torch.bfloat16
    assert half_precision("fp16", cpu) == torch.float16
    assert half_precision("fp32", cpu) is None


PARALLEL = """
import sys, torch
from pathlib import Path
from small_data import small_detector_task, small_recipe, small_task
from pose.training.card import CARD
from pose.training.loop import Run
from pose.training.processes import join
file, out = map(Path, sys.argv[1:])
torch.manual_seed(0)
processes = join(torch.device("cpu"))
# A detector leaves parameters unused
for kind, task in (("pose", small_task), ("detector", small_detector_task)):
    run = Run(task(file), small_recipe(2), out / kind, processes)
    run.train()
    own = torch.cat([value.flatten() for value in run._network.parameters()]).double().sum()
    print(f"{kind} {processes.rank} of {processes.count}: {float(own):.12f}", flush=True)
processes.leave()
"""


@pytest.mark.slow
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    file = write_data(tmp_path)
    script = tmp_path / "parallel.py"
    script.write_text(PARALLEL)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    logs = ("--log-dir", str(tmp_path / "logs"))  # otherwise they stay in the temporary folder
    result = _python(*torchrun, *logs, str(script), str(file), str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr[-2000:]
    sums = dict(line.split(": ") for line in result.stdout.splitlines() if line)
    for kind in ("pose", "detector"):
        assert sums[f"{kind} 0 of 2"] == sums[f"{kind} 1 of 2"]
        steps = [line["step"] for line in _log(tmp_path / "out" / kind) if "loss" in line]
        assert steps == list(range(1, 7))  # one log, of the first process


MEMORY = """
import resource, sys, torch
from pathlib import Path
from small_data import small_recipe, small_task
from pose.training.card import CARD
from pose.training.loop import Run
from pose.training.processes import Processes
file, out = Path(sys.argv[1]), Path(sys.argv[2])
run = Run(small_task(file), small_recipe(30), out, Processes(torch.device("cpu")))
peaks = []
close = run._close_epoch
def note(stage, epoch):
    close(stage, epoch)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
run._close_epoch = note
run.train()
print(peaks[9], peaks[-1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
def test_memory_stays_flat_over_many_epochs(tmp_path: Path) -> None:
    process = _script(MEMORY, write_data(tmp_path), tmp_path / "out")
    assert process.returncode == 0, process.stderr
    early, last = (int(kib) for kib in process.stdout.split()[-2:])
    assert last - early < 3 * 1024  # of about 400 MiB, over 60 more steps
