"""The command line: what is parsed, what is said, how it ends."""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from clips import build, make_video
from tqdm import tqdm

from app import track
from app.cli import COMMANDS, main, make_parser
from app.config import ConfigError
from app.track_options import settings_of
from pose.command import LogLines
from tracking.files import read_tracks
from tracking.pipeline import PipelineConfig


def parsed(*words: str) -> argparse.Namespace:
    return make_parser(["track"]).parse_args(["track", *words])


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("track", "drop people scoring below X (default: 0.3)"),
        ("label", "weights: name or file (default: posse-pose)"),
        ("eval networks", "names or files (default: posse-pose)"),
    ],
)
def test_help_tells_defaults(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("words", ["--help", "models"])
def test_what_only_tells_is_quick_because_nothing_heavy_is_imported(words: str) -> None:
    program = (
        f"import sys\nfrom app.cli import main\ntry: main(['{words}'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'av', 'PyQt6', 'openvino'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "posse: there is no command '', only gui, track, convert, "),
        ("trak", "posse: there is no command 'trak' (did you mean track?); see posse --help"),
        ("eval speeed", "posse eval: there is no command 'speeed' (did you mean speed?); see "),
        ("track", "posse track: the following arguments are required: INPUT; see posse track --h"),
        ("track a.mp4 --evry 2", "posse track: there is no option --evry (did you mean --every?)"),
        ("track a.mp4 --zzz 2", "posse track: there is no option --zzz; see posse track --help"),
        ("track a.mp4 --every x", "posse track: argument --every: 'x' is not a whole number; see "),
        ("track a.mp4 --time-range 1:2:3:4 9", "posse track: argument --time-range: '1:2:3:4' is"),
        ("track a.mp4 --time-range a:2 9", "posse track: argument --time-range: 'a:2' is not a t"),
        ("track a.mp4 --bbox-thr a", "posse track: argument --bbox-thr: 'a' is not a number; see"),
        ("track a.mp4 --kpt-thr nan", "posse track: argument --kpt-thr: 'nan' is not a number; "),
        ("measure a.csv --kpt-thr x", "posse measure: argument --kpt-thr: 'x' is not a number; "),
        (
            "convert a.csv b.csv c.csv",
            "posse convert: c.csv is one argument too many; see posse convert --help",
        ),
        ("models fetch", "posse models fetch: the following arguments are required: NAME; see po"),
        ("label a.mp4 -o b --kpt-thr 3", "posse label: argument --kpt-thr: 3 is not 0 to 1; see "),
        ("label a.mp4 -o b --frames 0", "posse label: argument --frames: 0 is not 1 or more; see"),
        (
            "eval posetrack -g a -p b --kpt-thr x",
            "posse eval posetrack: argument --kpt-thr: 'x'",
        ),
        ("eval mot -g a", "posse eval mot: the following arguments are required: -p/--predictions"),
    ],
)
def test_words_that_do_not_fit_are_one_line_and_exit_code_two(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split(" "))
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert err.count("\n") == 1


def test_a_file_in_place_of_a_command_is_told_what_opens_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    with pytest.raises(SystemExit):
        main([str(clip)])
    assert "'posse gui FILE' opens a file, 'posse track FILE' tracks it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--det-size 7", "--det-size is 7, expected 64 to 4096, or 0"),
        ("--det-frequency 0", "--det-frequency is 0, expected 1 or more"),
        ("--bbox-thr 5", "--bbox-thr is 5.0, expected 0 to 1"),
        ("--trails -1", "--trails is -1.0, expected 0 or more"),
        ("--start-frame -1 --every 2", "--start-frame is -1, expected 0 or more"),
        ("--time-range 5 2", "--time-range is (5.0, 2.0), expected 0 <= start < end"),
        ("--format csv,csv", "--format names csv more than once"),
        (
            "--no-video --format ,",
            "no video, no formats and no measures: nothing would be written",
        ),
    ],
)
def test_a_value_out_of_range_is_told_by_the_name_of_its_option(
    words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "a.mp4", "-o", str(tmp_path), *words.split()]) == 1
    assert capsys.readouterr().err == f"posse: {said}\n"


@pytest.mark.parametrize("command", ["track a.csv", "measure a.csv", "label walk.mp4"])
def test_a_file_where_a_folder_is_needed_is_called_a_file(
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    header = "frame,time_s,id,score,x1,y1,x2,y2,nose_x,nose_y,nose_score"
    (tmp_path / "a.csv").write_text(f"{header}\n0,0,1,1,0,0,9,9,5,5,1\n")
    make_video(tmp_path / "walk.mp4", 1)
    assert main([*command.split(), "-o", "a.csv"]) == 1
    said = capsys.readouterr().err
    assert "a.csv: cannot be written: a" in said
    assert "file" in said
    assert "space" not in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("output", ["dance.mp4", "new/dance.CSV", "memory://bucket/dance.json"])
def test_an_output_named_like_a_file_is_refused_before_it_becomes_a_folder(
    output: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["track", "clip.mp4", "-o", output]) == 1
    assert f"posse: -o {output}: give a folder;" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_warning_has_a_line_of_its_own_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogLines()
    with tqdm(total=2) as bar:
        bar.update(1)
        handler.handle(logging.makeLogRecord({"msg": "the frame was skipped"}))
        lines = capsys.readouterr().err.split("\n")
    assert lines[0].rpartition("\r")[2] == "the frame was skipped"
    assert "1/2" in lines[1]


def test_no_screen_for_the_window_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["gui"]) == 1
    line = "posse: there is no screen for the window here; 'posse track' needs none\n"
    assert capsys.readouterr().err == line


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Qt needs nothing of the system")
@pytest.mark.parametrize("platform", ["", "xcb"])
def test_a_library_that_the_window_lacks_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    def bare(library: str) -> None:
        if library.endswith("libqxcb.so"):
            raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file")

    monkeypatch.setattr("ctypes.CDLL", bare)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    assert main(["gui"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("posse: the window needs libxcb-cursor.so.0, which this system lacks")
    assert err.count("\n") == 1


def test_options_reach_the_settings() -> None:
    settings = settings_of(
        parsed(
            "a.mp4", "--bbox-thr", "0.4", "--kpt-thr", "0.2", "--flip", "--det-frequency", "3",
            "--det-size", "1024",
            "--start-frame", "5", "--crop", "1,2,30,40", "--format", "csv,mot", "--no-video",
            "--no-draw-bbox", "--draw-angles", "--time-range", "1", "2.5",
        )
    )  # fmt: skip
    assert (settings.pipeline.bbox_thr, settings.pipeline.detect_every) == (0.4, 3)
    assert settings.pipeline.detector_size == 1024
    assert settings.pipeline.flip
    assert settings.clip.crop == (1, 2, 30, 40)
    assert settings.clip.formats == ("csv", "mot")
    assert settings.clip.time_range == (1.0, 2.5)
    assert not settings.clip.video
    assert not settings.overlay.boxes
    assert settings.overlay.angles
    assert settings.overlay.kpt_thr == 0.2


def test_the_command_line_goes_over_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[pipeline]\nbbox_thr = 0.6\nnms_thr = 0.5")
    settings = settings_of(parsed("a.mp4", "--preset", str(path), "--bbox-thr", "0.2"))
    assert (settings.pipeline.bbox_thr, settings.pipeline.nms_thr) == (0.2, 0.5)


def test_a_second_pass_gets_what_was_seen_alone() -> None:
    assert settings_of(parsed("a.mp4")).pipeline.tracker.coast_s > 0
    assert settings_of(parsed("a.mp4", "--refine")).pipeline.tracker.coast_s == 0


def test_the_weights_are_those_of_every_file_that_a_name_stands_for() -> None:
    files = track.weights_files(PipelineConfig(pose="posse-pose-large"))
    assert [file.name for file in files[1]] == [
        "posse-pose-large.safetensors",
        "posse-pose.safetensors",
    ]
    digests = track.weights_of(PipelineConfig(pose="posse-pose-large"))
    assert digests["detector"] == track.weights_of(PipelineConfig())["detector"]
    assert digests["pose"] == hashlib.sha256(b"".join(f.read_bytes() for f in files[1])).hexdigest()


def test_measures_alone_are_enough_to_write() -> None:
    settings = settings_of(parsed("a.mp4", "--no-video", "--format", "", "--angles"))
    assert (settings.clip.video, settings.clip.formats) == (False, ())
    assert settings.clip.measures.angles


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("12 30.5", (12.0, 30.5)), ("0:59 1:30.5", (59.0, 90.5)), ("59:00 1:02:30", (3540.0, 3750.0))],
)
def test_a_time_range_may_be_written_as_players_show_times(
    words: str, seconds: tuple[float, float]
) -> None:
    settings = settings_of(parsed("a.mp4", "--time-range", *words.split()))
    assert settings.clip.time_range == seconds


def test_a_scale_for_angles_alone_is_refused() -> None:
    with pytest.raises(ConfigError, match="--scale is for speeds"):
        settings_of(parsed("a.mp4", "--angles", "--scale", "412=9"))
    assert settings_of(parsed("a.mp4", "--report", "--scale", "412=9")).clip.measures.report


def test_errors_are_one_line_and_exit_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["gone*.mp4"], ["a.mp4", "--format", "xyz"], ["a.mp4", "--mode", "ballet"],
        ["a.mp4", "--crop", "1,2"], ["a.mp4", "--jobs", "0"], ["a.mp4", "--gpus", "one"],
        ["a.mp4", "--scale", "9m"], ["a.mp4", "--every", "0"], ["a.mp4", "--scale", "412=9"],
        ["a.mp4", "--no-video", "--format", ""],
    ):  # fmt: skip
        assert main(["track", "-o", str(tmp_path / "out"), *words]) == 1
        said = capsys.readouterr().err
        assert said.startswith("posse: ")
        assert said.count("\n") == 1


@pytest.fixture
def short_command(tmp_path: Path) -> list[str]:
    """A program that says a line, and does not load torch for it."""
    table, other = tmp_path / "a.csv", tmp_path / "b.csv"
    table.write_text("frame,time_s,id,score,x1,y1,x2,y2\n0,0,1,1,0,0,9,9\n")
    return [sys.executable, "-m", "app", "convert", str(table), str(other)]


def test_whoever_reads_may_stop_reading(short_command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(short_command, stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_output_to_a_full_disk_is_one_line(short_command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(short_command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "posse: No space left on device\n")


def test_an_export_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "detector.onnx"
    assert main(["export", "posse-detector", "--to", "onnx", "-o", str(path)]) == 1
    said = capsys.readouterr().err
    assert f"{path}: cannot be written" in said
    assert said.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("words", [["--device", "cuda:3"], ["--gpus", "0,1"]])
def test_a_gpu_that_is_not_there_is_one_line(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make_video(tmp_path / "walk.mp4", 3)
    assert main(["track", str(source), "-o", str(tmp_path / "out"), "--json-progress", *words]) == 1
    said = capfd.readouterr().err
    assert said.startswith("posse: device 'cuda:")
    assert "no CUDA device here" in said
    assert said.count("\n") == 1


def test_a_run_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_video(tmp_path / "walk.mp4", 10)
    out = tmp_path / "out"
    assert track.run(parsed(str(source), "-o", str(out)), build) == 0
    said = capsys.readouterr().out
    assert "2 people, 10 frames" in said
    assert str(out / "walk.mp4") in said
    assert track.run(parsed(str(source), "-o", str(out)), build) == 0
    assert "--no-resume tracks it anew" in capsys.readouterr().out


def test_quiet_is_quiet_but_for_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = make_video(tmp_path / "walk.mp4", 5)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no")
    words = [str(source), str(broken), "-o", str(tmp_path / "out"), "--quiet"]
    assert track.run(parsed(*words), build) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"posse: {broken}: not a video")


def test_quiet_tells_why_it_failed_where_nobody_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_video(tmp_path / "walk.mp4", 5)
    words = [str(source), "-o", str(tmp_path / "out"), "--quiet", "--start-frame", "50"]
    assert track.run(parsed(*words), build) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"posse: {source}: no frame was chosen; the clip ends before they begin\n"


def test_a_log_may_lie_in_the_folder_that_the_run_makes(tmp_path: Path) -> None:
    source, log = make_video(tmp_path / "walk.mp4", 3), tmp_path / "out" / "log.txt"
    words = [str(source), "-o", str(log.parent), "--quiet", "--log-file", str(log)]
    assert track.run(parsed(*words), build) == 0
    assert log.is_file()


def test_a_log_tells_of_the_run_and_of_each_clip_and_the_screen_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, log = make_video(tmp_path / "walk.mp4", 3), tmp_path / "log.txt"
    screen = logging.StreamHandler(sys.stderr)  # as `main` has one
    root = logging.getLogger()
    root.addHandler(screen)
    before = root.level, list(root.handlers)
    try:
        words = [str(source), str(tmp_path / "gone.mp4"), "-o", str(tmp_path / "out"), "--quiet",
                 "--every", "2", "--log-file", str(log)]  # fmt: skip
        assert track.run(parsed(*words), build) == 2
        assert (root.level, root.handlers) == before
    finally:
        root.removeHandler(screen)
    gone = f"{tmp_path / 'gone.mp4'}: there is no such file; check the name"
    told = [line.partition("app.batch.runs: ")[2] for line in log.read_text().splitlines()]
    assert told[0].startswith("start: posse ")
    assert told[1].startswith("settings: detector posse-detector, pose posse-pose, device auto, ")
    assert told[1].endswith("clip.every 2")
    assert told[2] == f"clip: {source} -> {tmp_path / 'out' / 'walk'}"
    assert told[4].startswith(f"done: {source}: 2 people, 2 frames, ")
    assert told[4].endswith(" frames/s")
    assert told[5].startswith(f"failed: {gone}")
    assert told[6:] == ["end: done 1, skipped 0 (finished before), failed 1; exit code 2"]
    assert capsys.readouterr().err == f"posse: {gone}\n"


def test_a_log_tells_why_nothing_was_tracked(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    words = ["a.mp4", "-o", str(tmp_path / "out"), "--bbox-thr", "5", "--log-file", str(log)]
    with pytest.raises(ConfigError):
        track.run(parsed(*words), build)
    assert log.read_text().endswith(": ended by: --bbox-thr is 5.0, expected 0 to 1\n")


def test_a_single_clip_that_fails_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.mp4"
    assert track.run(parsed(str(missing), "-o", str(tmp_path / "out")), build) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"posse: {missing}: there is no such file; check the name\n"


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_ctrl_c_leaves_whole_files(tmp_path: Path) -> None:
    source = make_video(tmp_path / "walk.mp4", 400)
    program = (
        f"import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import clips\n"
        "from app import track\n"
        "from app.cli import make_parser\n"
        "class Slow(clips.BrightBoxes):\n"
        "    def __call__(self, frame):\n"
        "        time.sleep(0.02)\n"
        "        return super().__call__(frame)\n"
        "clips.BrightBoxes = Slow\n"
        "args = make_parser(['track']).parse_args(['track', *sys.argv[1:]])\n"
        "sys.exit(track.run(args, clips.build))\n"
    )
    words = [sys.executable, "-c", program, str(source), "-o", str(tmp_path / "out")]
    words += ["--json-progress", "--format", "csv"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert '"start"' in running.stdout.readline()
    assert '"progress"' in running.stdout.readline()
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    kept = read_tracks(tmp_path / "out" / "walk.csv").frames
    assert 0 < len(kept) < 400
