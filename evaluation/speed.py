"""`python -m evaluation.speed`: how fast the program is on this machine, by stage and as a whole.

Prints milliseconds per stage and frames per second from a video file to its overlay and tracks
files; `--json FILE` keeps them. `--peers` times other ways to run the same networks beside ours,
and other programs that are installed, in one run. If something else keeps the cores busy, look at
"best" and "CPU".
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.batch.clip import Clip, Progress, track_clip
from app.config import Settings, read_preset
from evaluation.random_weights import write_random_weights
from evaluation.results import check_writable, write_figures
from evaluation.stages import Timing, first_frames, scaled, stage_timings, write_video
from evaluation.table import markdown_table
from pose.command import natural, positive, run_command, say
from pose.cores import core_count
from pose.detector import PersonDetector
from pose.estimator import PoseEstimator
from pose.runtime import choose_device
from tracking.pipeline import Pipeline, PipelineConfig, build_pipeline

SAMPLE = Path(__file__).resolve().parents[1] / "assets" / "sample.mp4"
RANDOM = "random:"  # before the name of a published network: random weights in its place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    text = "what to track (default: the sample)"
    add("--video", type=Path, default=SAMPLE, metavar="FILE", help=text)
    add("--height", type=natural, default=0, metavar="PX", help="scale it to this height first")
    add("--frames", type=positive, default=150, metavar="N", help="how many of its first frames")
    text = "how many people the pose network is timed with"
    add("--people", type=positive, nargs="+", default=[1, 5, 10, 20], metavar="N", help=text)
    text = "keep only the N best-scored people end to end, for a known load"
    add("--max-people", type=natural, default=0, metavar="N", help=text)
    add("--repeats", type=positive, default=20, metavar="N", help="of each stage")
    add("--mode", metavar="NAME", help="lightweight, balanced, performance or a file")
    add("--detector", metavar="NAME", help="name or file")
    add("--pose", metavar="NAME", help="name or file; random:NAME: random weights")
    add("--device", default="auto", metavar="DEV", help="auto, cpu, cuda or cuda:N")
    add("--peers", action="store_true", help="time other ways and programs too")
    text = "with --peers: ONNX files in place of those that rtmlib fetches"
    add("--rtmlib", type=Path, nargs=2, metavar=("DETECTOR", "POSE"), help=text)
    add("--no-stages", action="store_true", help="end to end only")
    add("--json", type=Path, metavar="FILE", help="write the figures here too")


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns 0."""
    if args.json:
        check_writable(args.json)
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(args, Path(folder))
        config = settings.pipeline
        report: dict[str, Any] = {"machine": machine(args.device), "pipeline": _names(config)}
        video = args.video
        if args.height:
            video = Path(folder) / "input.mp4"
            frames = first_frames(args.video, args.frames)
            write_video((scaled(frame, args.height) for frame in frames), video)
        pipeline = build_pipeline(config)
        # First, so that its memory is the program's and not the benchmark's
        report["end_to_end"] = end_to_end(video, settings, pipeline)
        say(end_to_end_line(report["end_to_end"]) + "\n")
        few = list(first_frames(video, 30))
        if not args.no_stages:
            detect, estimate = networks_of(pipeline)
            timings = stage_timings(video, few, detect, estimate, args.people, args.repeats)
            report["stages"] = [dataclasses.asdict(timing) for timing in timings]
            say(table(timings) + "\n")
        if args.peers:
            from evaluation.peers import peer_timings, program_timings, programs_not_installed

            peers = peer_timings(few[0], config, args.people, args.repeats)
            programs = program_timings(few, pipeline, args.rtmlib or (), args.repeats)
            for key, timings in (("peers", peers), ("programs", programs)):
                report[key] = [dataclasses.asdict(timing) for timing in timings]
                say(table(timings) + "\n")
            if missing := programs_not_installed():
                say(f"not installed here, so not timed: {', '.join(missing)}\n")
    if args.json:
        write_figures(args.json, report)
    return 0


def _settings(args: argparse.Namespace, folder: Path) -> Settings:
    """What to measure: a preset with the networks named; random weights go into `folder`."""
    settings = read_preset(args.mode, device=args.device) if args.mode else Settings()
    named = {kind: getattr(args, kind) for kind in ("detector", "pose") if getattr(args, kind)}
    for kind, name in named.items():
        if name.startswith(RANDOM):
            named[kind] = str(write_random_weights(name.removeprefix(RANDOM), folder))
    return dataclasses.replace(
        settings,
        pipeline=dataclasses.replace(
            settings.pipeline, device=args.device, max_people=args.max_people, **named
        ),
        clip=dataclasses.replace(settings.clip, max_frames=args.frames),
    )


def networks_of(pipeline: Pipeline) -> tuple[PersonDetector, PoseEstimator]:
    """The two networks of a pipeline that build_pipeline made."""
    detect, estimate = pipeline.detector, pipeline.estimator
    assert isinstance(detect, PersonDetector)
    assert isinstance(estimate, PoseEstimator)
    return detect, estimate


def end_to_end(video: Path, settings: Settings, pipeline: Pipeline) -> dict[str, Any]:
    """Track a file as `posse track` does, twice; the second run counts.

    Frames per second include decoding, drawing, encoding and writing; latency is the pipeline's
    time for a frame that comes alone, as in live use.
    """
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("warm", "timed"):
            memory.clear()

            def tell(_: Progress) -> None:
                memory.append(_resident_mib())

            clip = Clip(str(video), Path(folder) / name)
            cpu = time.process_time()
            report = track_clip(clip, settings, pipeline, {}, tell)
            cpu = time.process_time() - cpu
    latencies = sorted(latency_ms(video, pipeline))
    return {
        "frames": report.tracked,
        "people": report.people,
        "frames_per_s": report.tracked / report.seconds,
        "cpu_ms_per_frame": 1000 * cpu / report.tracked,
        "latency_median_ms": statistics.median(latencies),
        "latency_95_ms": latencies[int(0.95 * (len(latencies) - 1))],
        "memory_mib": {
            "after 10%": memory[len(memory) // 10],
            "half way": memory[len(memory) // 2],
            "at the end": memory[-1],
        },
    }


def latency_ms(video: Path, pipeline: Pipeline) -> list[float]:
    """What the pipeline takes for each of 50 frames that come one by one."""
    pipeline.reset()
    return [sum(pipeline(frame).timings_ms.values()) for frame in first_frames(video, 50)]


def _resident_mib() -> float:
    """Memory of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def machine(device: str) -> dict[str, Any]:
    """What the figures were measured on."""
    place = choose_device(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if "model name" in line), name)
    about = {"cpu": name, "cores": core_count(), "system": platform.platform(), "gpu": ""}
    if place.type == "cuda":
        import torch

        about["gpu"] = torch.cuda.get_device_name(place)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {**about, "load_before": round(load, 1)}


def _names(config: PipelineConfig) -> dict[str, Any]:
    kept = ("detector", "pose", "device", "flip", "detect_every", "detector_size", "max_people")
    return {name: getattr(config, name) for name in kept}


def table(timings: Sequence[Timing]) -> str:
    """The timings as a Markdown table."""
    rows = (
        (each.stage, f"{each.median_ms:.1f}", f"{each.best_ms:.1f}", f"{each.cpu_ms:.1f}")
        for each in timings
    )
    return markdown_table(("stage", "median ms", "best ms", "CPU ms"), rows)


def end_to_end_line(result: dict[str, Any]) -> str:
    """The end-to-end figures in one line."""
    return (
        f"end to end: {result['frames_per_s']:.1f} frames/s over {result['frames']} frames, "
        f"{result['people']} people; {result['cpu_ms_per_frame']:.0f} ms CPU a frame; latency "
        f"{result['latency_median_ms']:.0f} ms (95%: {result['latency_95_ms']:.0f}); memory "
        + ", ".join(f"{mib:.0f} MiB {when}" for when, mib in result["memory_mib"].items())
    )


main = partial(run_command, "evaluation.speed", __doc__, add_arguments, run)

if __name__ == "__main__":
    sys.exit(main())
