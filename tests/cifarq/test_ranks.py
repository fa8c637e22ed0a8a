"""Several processes under torchrun: they make the run that one makes, and end it together."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
import safetensors.torch
import torch

from cifarq import checkpoint, cli
from cifarq.training import augment
from cifarq.training.ranks import Ranks
from edge_runtime.errors import UsageError

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]
SCRIPT = Path(__file__).with_name("ranks_script.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]


def torchrun(*arguments, **options):
    """Start two processes; their standard error comes with torchrun's own."""
    command = [*TORCHRUN, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def train_together(*options):
    return torchrun("-m", "cifarq", "train", "seed-cnn", *options)


def own_lines(stderr):
    """The lines that are not torchrun's."""
    return [line for line in stderr.splitlines() if line.startswith(("Error", "Interrupted"))]


# What each process takes of a batch


@given(st.integers(1, 5_000), st.integers(1, 64))
def test_each_image_of_a_batch_is_one_processs_and_batch_norms_have_two(size, count):
    parts = [Ranks(rank, count).part(size) for rank in range(count)]
    taken = [part.stop - part.start for part in parts]
    if size < 2 * count:
        assert all(part == slice(0, size) for part in parts)
    else:
        assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
        assert parts[-1].stop == size
        assert min(taken) >= 2 and max(taken) - min(taken) <= 1


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=200), st.integers(1, 64))
def test_the_mean_of_what_the_processes_learn_is_the_mean_over_the_images(losses, count):
    mine = [
        rank.weight(len(losses)) * torch.tensor(losses[rank.part(len(losses))]).double().mean()
        for rank in (Ranks(rank, count) for rank in range(count))
    ]
    assert sum(mine) / count == pytest.approx(sum(losses) / len(losses), abs=1e-5)


@pytest.mark.parametrize("count", [2, 3])
def test_an_image_is_augmented_alike_whichever_process_takes_it(count):
    pixels = torch.arange(20 * 3 * 12 * 12, dtype=torch.float32).reshape(20, 3, 12, 12)

    def augmented(part):
        draw = augment.draw_from(torch.Generator().manual_seed(1), 20, part)
        return augment.augment(pixels[part], torch.arange(20)[part] % 3 == 0, draw)

    parts = [augmented(Ranks(rank, count).part(20)) for rank in range(count)]
    assert torch.equal(torch.cat(parts), augmented(slice(None)))


def test_a_batch_has_two_images_for_each_process():
    with pytest.raises(UsageError, match=r"--batch-size is 5: 3 processes.* Give 6 or more"):
        Ranks(0, 3).require_images(5)
    Ranks(0, 3).require_images(6)


# The run that they make


@pytest.fixture(scope="module")
def together(two_class_folder, one_thread, tmp_path_factory):
    """Two processes' runs, by ranks_script.py."""
    out = tmp_path_factory.mktemp("together")
    with torchrun(SCRIPT, two_class_folder, out) as job:
        _, said = job.communicate(timeout=300)
    assert job.returncode == 0, said
    return out


@pytest.fixture(scope="module")
def alone(two_class_folder, one_thread, tmp_path_factory):
    """One process's runs, by the same script."""
    out = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, SCRIPT, two_class_folder, out], check=True, timeout=300)
    return out


def tensors(out, name, rank, epoch):
    return safetensors.torch.load_file(out / f"{name}-{rank}-{epoch}.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "normed"])
def test_both_take_the_steps_of_one_and_have_the_same_weights_to_the_bit(together, alone, name):
    steps = json.loads((together / f"{name}-steps.json").read_text())
    assert steps == json.loads((alone / f"{name}-steps.json").read_text())
    assert [total for *_, total in steps] == 10 * [5]
    for epoch in (1, 2):
        first, second = (tensors(together, name, rank, epoch) for rank in (0, 1))
        assert all(torch.equal(value, second[key]) for key, value in first.items())


@pytest.mark.slow
def test_without_batch_norms_their_weights_are_one_processs_but_for_rounding(together, alone):
    for epoch in (1, 2):
        here, there = (tensors(out, "plain", 0, epoch) for out in (together, alone))
        before = tensors(alone, "plain", 0, 1)
        for name, value in here.items():
            torch.testing.assert_close(value, there[name], rtol=1e-3, atol=2e-5)
    moved = max(float((there[name] - value).abs().max()) for name, value in before.items())
    assert moved > 2e-3  # a hundred times the tolerance
    losses = [
        [epoch["loss"] for epoch in checkpoint.load(out / "plain").training["epochs"]]
        for out in (together, alone)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


# What is said, and by how many


def test_an_option_that_is_wrong_is_said_once(tmp_path):
    with train_together("--out", tmp_path / "run", "--epochs", "none") as job:
        answer, said = job.communicate(timeout=300)
    assert job.returncode != 0
    assert answer == ""
    assert said.count("'none' is not a valid integer") == 1


@pytest.mark.parametrize(("code", "waits"), [(0, []), (2, [cli.FIRST_ANSWERS_S])])
def test_who_does_not_speak_fails_last(monkeypatch, code, waits):
    """torchrun ends the first process, which says what is wrong, as soon as another one failed."""
    waited = []
    monkeypatch.setattr(cli.time, "sleep", waited.append)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, getattr(sys, stream))  # given back afterwards
    with pytest.raises(SystemExit) as end:
        cli.follow(lambda: sys.exit(code))
    assert end.value.code == code and waited == waits


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--data-dir", "nowhere"], "Error: no data set in nowhere."),
        (["--out", "file/run"], "Error: cannot write to --out file/run"),
    ],
)
def test_what_cannot_be_done_is_said_once(two_class_folder, tmp_path, monkeypatch, options, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with train_together("--data-dir", two_class_folder, "--out", "run", *options) as job:
        answer, said = job.communicate(timeout=300)
    assert job.returncode != 0
    (line,) = own_lines(said)
    assert line.startswith(error)
    assert answer == ""


@pytest.mark.slow
def test_a_process_with_other_images_is_refused(two_class_folder, tmp_path, monkeypatch):
    fewer = shutil.copytree(two_class_folder, tmp_path / "fewer")
    for image in sorted((fewer / "train" / "frog").iterdir())[:20]:
        image.unlink()
    environment = {**os.environ, "TWO_FOLDERS": f"{two_class_folder}:{fewer}"}
    start = "exec $0 -m cifarq train seed-cnn --out run --data-dir "
    start += "$(echo $TWO_FOLDERS | cut -d: -f$((RANK + 1)))"
    monkeypatch.chdir(tmp_path)
    command = ["--no-python", "sh", "-c", start, sys.executable]
    with torchrun(*command, env=environment) as job:
        _, said = job.communicate(timeout=300)
    (line,) = own_lines(said)
    assert line.startswith("Error: process 1 would train another run than process 0 (data was")
    assert job.returncode != 0


def processes_of(job):
    """The processes that torchrun started, by their rank."""
    found = {}
    for pid in Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split():
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        found.update({int(each[5:]): int(pid) for each in environment if each.startswith("RANK=")})
    return found


def stop_in_the_third_epoch(job, stop):
    """Return what is said after ``stop(job, its processes)``, once no process is left."""
    for line in job.stderr:
        if line.startswith("epoch 2/"):
            processes = processes_of(job)
            assert sorted(processes) == [0, 1]
            stop(job, processes)
            break
    _, said = job.communicate(timeout=300)
    for process in processes.values():
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_job_and_one_process_goes_on(
    run, two_class_folder, tmp_path, killed
):
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "run"]
    options += ["--epochs", 6, "--batch-size", 8]
    with train_together(*options) as job:
        said = stop_in_the_third_epoch(job, lambda _, ids: os.kill(ids[killed], signal.SIGKILL))
    assert job.returncode != 0
    (line,) = own_lines(said)
    assert line.endswith(
        f"The last finished epoch is kept in {tmp_path / 'run'}; resume with --resume."
    )
    kept = checkpoint.load(tmp_path / "run").training["epochs"]
    assert 2 <= len(kept) < 6

    resumed = run("cifarq", "train", "seed-cnn", *options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    epochs = checkpoint.load(tmp_path / "run").training["epochs"]
    assert epochs[: len(kept)] == kept and len(epochs) == 6


@pytest.mark.slow
def test_ctrl_c_ends_all_and_says_what_is_kept(two_class_folder, tmp_path):
    options = ["--data-dir", two_class_folder, "--out", tmp_path / "run"]
    with train_together(*options, "--epochs", 500, "--batch-size", 8) as job:
        said = stop_in_the_third_epoch(job, lambda job, _: job.send_signal(signal.SIGINT))
    assert own_lines(said) == [
        f"Interrupted. The last finished epoch is kept in {tmp_path / 'run'}; resume with --resume."
    ]
    assert job.returncode != 0
