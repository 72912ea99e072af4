"""A batch on a Ray cluster: the same frames as without it, whatever becomes of the workers."""

import json
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import vidgan
from vidgan.errors import DeviceError, Interrupted, OutputError, UsageError
from vidgan.gan.look import load_look
from vidgan.jobs.batch import nodes
from vidgan.jobs.batch.cluster import _without_rays_words
from vidgan.jobs.batch.hands import Hands, Means
from vidgan.jobs.batch.plan import Execution, Plan
from vidgan.jobs.batch.tasks import RenderTask, TrainTask
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.prepared import keep_cuts, kept_cuts
from vidgan.jobs.request import Request
from vidgan.jobs.work import Work, work_folder_of

pytest.importorskip("ray")
PROGRAM = {"vidgan's version": "1", "vidgan's code": "abc"}
KIND = {**PROGRAM, "the processor's instructions": "AVX2"}


@pytest.fixture
def jobs(clip: Path, look: Path, tmp_path: Path) -> Path:
    file = tmp_path / "jobs.toml"
    file.write_text(
        f"""
[[jobs]]
clip = '{clip}'
model = '{look}'
set = ["encode.segment=1"]
out = "one.mkv"

[[jobs]]
clip = '{clip}'
recipe = "passthrough"
out = "two.mkv"

[[jobs]]
clip = '{tmp_path / "broken.mp4"}'
model = '{look}'
out = "three.mkv"
"""
    )
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:900])
    return file


def test_a_cluster_makes_the_same_frames_also_when_a_worker_is_killed(
    jobs: Path, clip: Path, look: Path, tmp_path: Path
) -> None:
    program = Path(__file__).with_name("ray_batch.py")
    told = tmp_path / "told.json"
    command = [sys.executable, str(program), str(jobs), str(told), "kill-worker"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580)
    assert told.exists(), done.stderr
    found = json.loads(told.read_text())
    if "no_cluster" in found:
        pytest.skip(f"Ray itself does not start here: {found['no_cluster']}")
    report = json.loads((tmp_path / "jobs.batch" / "report.json").read_text())
    statuses = {Path(job["out"]).name: job["status"] for job in report["jobs"]}
    assert statuses == {"one.mkv": "done", "two.mkv": "done", "three.mkv": "failed"}, found
    assert found["rc"] == 1
    assert found["killed"]
    assert "Traceback" not in found["err"]
    same = ("-m", look, "--set", "encode.segment=1")
    whole = alone("render", clip, *same, "-o", tmp_path / "whole.mkv")
    plain = alone("translate", clip, "-p", "passthrough", "-o", tmp_path / "plain.mkv")
    assert [job["frames_sha256"] for job in report["jobs"]] == [whole, plain, ""]
    assert not list(tmp_path.glob("*.work"))


def alone(*command: object) -> str:
    """The frames' hash of a command on this machine, in a process of its own, as an editor has it."""
    given = [sys.executable, "-m", "vidgan", *map(str, command), "--json"]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["frames_sha256"])


def test_hands_do_a_render_piece_by_piece(clip: Path, look: Path, tmp_path: Path) -> None:
    request = Request(clip, look, tmp_path / "out.mkv", overrides=("encode.segment=2",))
    work_folder_of(request.out).mkdir()
    hands = Hands()
    begun = hands.begin(request)
    assert (begun.span, begun.has_shots) == (range(6), True)
    halves = [range(3), range(3, 6)]
    cuts = [cut for half in halves for cut in hands.cuts_within(request, half)]
    plan = hands.plan(request, cuts)
    assert [hands.render(request, cuts, segment) for segment in reversed(plan)] == [2, 2, 2]
    made = hands.finish(RenderTask(request, None), cuts)
    whole = vidgan.render(clip, look, tmp_path / "whole.mkv", overrides=["encode.segment=2"])
    assert made.result.frames_sha256 == whole.frames_sha256
    assert not any("going on where it stopped" in notice for notice in hands.take_notices())


def test_hands_take_what_others_have_opened(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip's index is read once, however many render it."""
    request = Request(clip, look, tmp_path / "out.mkv")
    begun, ready = Hands().begin(request), load_look(look)

    def read_again(*given: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("vidgan.jobs.request.open_source", read_again)
    monkeypatch.setattr("vidgan.jobs.batch.hands.load_look", read_again)
    sent = pickle.loads(pickle.dumps(begun.clip))
    hands, means = Hands(), Means(lambda: ready, lambda: sent)
    work_folder_of(request.out).mkdir()
    (segment,) = hands.plan(request, (), means)
    assert hands.render(request, (), segment, means) == 6


def test_hands_go_on_telling(clip: Path, look: Path, tmp_path: Path) -> None:
    """What was opened for an earlier piece of work, too."""
    request = Request(clip, look, tmp_path / "out.webm", overrides=("encode.codec=vp9",))
    work_folder_of(request.out).mkdir()
    hands = Hands()
    cuts = hands.cuts_within(request, range(6))
    plan = hands.plan(request, cuts)
    hands.take_notices()
    for segment in plan:
        hands.render(request, cuts, segment)
    hands.finish(RenderTask(request, None), cuts)
    assert any("webm cannot hold" in notice for notice in hands.take_notices())


def test_tasks_for_elsewhere_name_all_files_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = Request(
        "a.mp4",
        "l.safetensors",
        Path("o.mkv"),
        matte="m.png",
        options=Options(sheet=Path("s.png")),
        pipeline="my.toml",
    )
    there = RenderTask(request, Path("t.png")).absolute()
    named = [
        there.request.clip,
        there.request.model,
        there.request.out,
        there.request.matte,
        there.request.options.sheet,
        there.target,
        there.request.pipeline,
    ]
    assert all(Path(str(path)).is_absolute() for path in named)
    from vidgan.jobs.batch.plan import Training

    training = Training("x", Path("a.mp4"), keyframes=("3=p.png",), masks=("3=q.png",), pipeline="keyframe")
    task = TrainTask(training, Path("l.safetensors"), Options()).absolute()
    assert task.training.keyframes == (f"3={tmp_path / 'p.png'}",)
    assert task.training.masks == (f"3={tmp_path / 'q.png'}",)
    assert task.training.pipeline == "keyframe"
    assert task.look.is_absolute()


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        (
            "127.0.0.1:9",
            DeviceError,
            r"no Ray cluster answers at 127.0.0.1:9: start one with `ray start --head`",
        ),
        ("here", UsageError, "here is no address: give auto, the head's HOST:PORT, or local"),
        ("ray://head:10001", UsageError, "is a Ray Client's address"),
    ],
)
def test_an_address_where_no_cluster_is(
    jobs: Path, tmp_path: Path, address: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        vidgan.batch(jobs, cluster=address)
    assert not (tmp_path / "jobs.batch").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:{port}", "does not let vidgan in: .*RAY_AUTH_MODE=token"),
        ("auto", "no Ray cluster answers at auto"),
    ],
)
def test_a_cluster_that_lets_nobody_in(
    jobs: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    """As where a token is missing: Ray says that it could not connect."""
    import ray

    def init(**given: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(ray, "init", init)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DeviceError, match=said):
        vidgan.batch(jobs, cluster=address.format(port=server.getsockname()[1]))


def asked(monkeypatch: pytest.MonkeyPatch, told: dict[str, tuple[bool, dict[str, str]] | None]) -> None:
    monkeypatch.setattr(nodes, "own_kind", lambda: KIND)
    monkeypatch.setattr(nodes, "_nodes", lambda execution: {name: name for name in told})
    monkeypatch.setattr(nodes, "_asked", lambda node, token, plan: told[node])
    monkeypatch.setattr(nodes, "_answered", lambda answer, ends: answer)


def test_nodes_without_the_shared_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, {"a:1": (True, KIND), "b:1": (False, KIND)})
    with pytest.raises(
        OutputError, match=rf"node b:1 does not see {tmp_path}: all nodes need the same folder"
    ):
        nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=True)
    assert list(tmp_path.iterdir()) == []


def test_nodes_whose_frames_would_differ_are_refused_or_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**KIND, "the processor's instructions": "AVX512"}
    asked(monkeypatch, {"a:1": (True, KIND), "b:1": (True, other)})
    with pytest.raises(DeviceError, match=r"a:1 and b:1 would differ: .*instructions.*--allow-mixed"):
        nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=False)
    kind = nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=True)
    assert kind == {**PROGRAM, "the processor's instructions": "machines of several kinds"}


@pytest.mark.parametrize("allow_mixed", [False, True])
def test_a_node_with_another_vidgan_is_always_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allow_mixed: bool
) -> None:
    other = {**KIND, "vidgan's code": "abd"}
    asked(monkeypatch, {"a:1": (True, KIND), "b:1": (True, other)})
    with pytest.raises(
        DeviceError, match=r"node b:1 has another vidgan .*code \(abc, now abd\).*Install the"
    ):
        nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=allow_mixed)
    assert nodes.unlike(KIND, other, allow_mixed)
    slower = {**KIND, "the processor's instructions": "SSE4"}
    assert bool(nodes.unlike(KIND, slower, allow_mixed)) is not allow_mixed


def test_what_rays_threads_print_goes_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output may be a program's, with --json."""
    with _without_rays_words():
        for name in ("ray_listen_error_messages", "ours"):
            thread = threading.Thread(target=print, args=(f"printed by {name}",), name=name)
            thread.start()
            thread.join()
    assert capsys.readouterr().out == "printed by ours\n"


def test_a_node_that_dies_while_it_is_asked_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, {"a:1": None, "b:1": (True, KIND)})
    assert nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=False) == KIND
    asked(monkeypatch, {"a:1": None})
    with pytest.raises(DeviceError, match="no node of the cluster answers"):
        nodes.kind_of_nodes(Plan(tmp_path, ()), allow_mixed=False)


def test_no_node_is_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    node = {"Alive": True, "Resources": {"CPU": 2.0}, "NodeID": "n"}
    monkeypatch.setattr(ray, "nodes", lambda: [node])
    with pytest.raises(UsageError, match="no node of the cluster has 4 CPUs and 0 GPUs"):
        nodes._nodes(Execution(cpus=4))


class Died(Exception):
    """In the place of Ray's own."""


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A crew of actors that are no processes; what they are told to do is done at once."""
    from vidgan.jobs.batch import crew as module

    def wait(refs: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return refs[:1], refs[1:]

    def get(ref: Any) -> Any:
        return ref()

    monkeypatch.setattr(module, "RayError", Died)
    monkeypatch.setattr(module, "ray", SimpleNamespace(wait=wait, get=get, kill=lambda actor: None))
    made: list[Any] = []

    def make(actor: Callable[[], Any], answers: Callable[[], bool] = lambda: True) -> Any:
        made.append(module.Crew(actor, lambda told: None, lambda: 2, answers, lambda notice: None))
        return made[-1]

    yield make
    for one in made:
        one.close()


def actor(do: Callable[[int], Any]) -> Any:
    def remote(number: int) -> Callable[[], Any]:
        return lambda: do(number)

    return SimpleNamespace(
        ready=SimpleNamespace(remote=lambda: lambda: None), do=SimpleNamespace(remote=remote)
    )


def test_a_piece_whose_worker_died_is_done_by_another(crew: Callable[..., Any]) -> None:
    deaths = iter([True, True, False])

    def do(number: int) -> tuple[str, int, list[str]]:
        if next(deaths, False):
            raise Died
        return "done", 2 * number, []

    pieces: list[Future[Any]] = [crew(lambda: actor(do)).submit("do", 21)]
    assert [piece.result(30) for piece in pieces] == [42]


def test_a_piece_that_ends_every_worker_fails_alone(crew: Callable[..., Any]) -> None:
    def do(number: int) -> tuple[str, int, list[str]]:
        if number == 1:
            raise Died("killed")
        return "done", number, []

    ours = crew(lambda: actor(do))
    bad, good = ours.submit("do", 1), ours.submit("do", 2)
    assert good.result(30) == 2
    with pytest.raises(vidgan.VidganError, match=r"6 workers ended one after another .*\(killed\)"):
        bad.result(30)


def test_a_head_that_has_gone_is_told(crew: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgan.jobs.batch.crew._LISTEN_EVERY_SECONDS", 0.0)

    def never(number: int) -> Any:
        raise Died

    ours = crew(lambda: actor(never), answers=lambda: False)
    with pytest.raises(vidgan.VidganError, match="the cluster cannot be reached any more"):
        ours.submit("do", 1).result(30)


def test_workers_that_never_begin_are_told_of(
    crew: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgan.jobs.batch.crew._STILLBORN_SECONDS", 0.0)
    monkeypatch.setattr("vidgan.jobs.batch.crew._PATIENCE_SECONDS", 0.0)

    def stillborn() -> None:
        raise Died("no module named torch")

    dead = SimpleNamespace(ready=SimpleNamespace(remote=lambda: stillborn))
    with pytest.raises(DeviceError, match=r"no worker of the cluster lives .*\(no module named torch\)"):
        crew(lambda: dead).submit("do", 1).result(30)


def test_each_piece_tells_whom_it_concerns(crew: Callable[..., Any]) -> None:
    def do(number: int) -> tuple[str, Any, list[str]]:
        kind, told = ("done", number) if number else ("failed", OutputError("no"))
        return kind, told, [f"of {number}", "of both"]

    ours, heard = crew(lambda: actor(do)), {0: list[str](), 1: list[str]()}
    asked = [ours.submit("do", number, notice=heard[number].append) for number in heard]
    with pytest.raises(OutputError):
        asked[0].result(30)
    assert asked[1].result(30) == 1
    assert heard == {0: ["of 0", "of both"], 1: ["of 1", "of both"]}


@pytest.mark.parametrize("spare", [False, True])
def test_a_first_interruption_ends_what_may_be_broken_off(
    crew: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, spare: bool
) -> None:
    from vidgan.jobs.batch import crew as module

    begun, go_on = threading.Event(), threading.Event()
    worker = actor(lambda number: ("done", number, []))

    def wait(refs: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        """The first is ready to work at once, and then works for as long as we want."""
        if not worker.at_work or go_on.is_set():
            worker.at_work = True
            return refs[:1], refs[1:]
        begun.set()
        go_on.wait(0.01)
        return [], refs

    worker.at_work = False
    ours = crew(lambda: worker)
    monkeypatch.setattr(module.ray, "wait", wait)
    piece = ours.submit("do", 1, spare=spare)
    assert begun.wait(30)
    ours.stop()
    assert piece.done() is spare
    go_on.set()
    if spare:
        with pytest.raises(vidgan.VidganError, match="stopped: the same command goes on"):
            piece.result(30)
    else:
        assert piece.result(30) == 1


def test_idle_workers_that_died_with_another_cost_a_piece_no_attempt(
    crew: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when their node dies."""
    monkeypatch.setattr("vidgan.jobs.batch.crew._TRIES", 2)
    made: list[SimpleNamespace] = []

    def hire() -> SimpleNamespace:
        worker = SimpleNamespace(is_dead=False)

        def live(answer: Any) -> Any:
            if worker.is_dead:
                raise Died("with its node")
            return answer

        worker.ready = SimpleNamespace(remote=lambda: lambda: live(None))
        worker.do = SimpleNamespace(remote=lambda number: lambda: live(("done", number, [])))
        made.append(worker)
        return worker

    ours = crew(hire)
    asked = [ours.submit("do", number) for number in range(5)]
    assert [piece.result(30) for piece in asked] == [0, 1, 2, 3, 4]
    assert len(made) > 2
    for worker in made:
        worker.is_dead = True
    assert ours.submit("do", 7).result(30) == 7


def test_who_is_told_may_fail_without_harm_to_others(crew: Callable[..., Any]) -> None:
    def closed(notice: str) -> None:
        raise SystemExit(1)

    ours = crew(lambda: actor(lambda number: ("done", number, ["told"])))
    with pytest.raises(SystemExit):
        ours.submit("do", 1, notice=closed).result(30)
    assert ours.submit("do", 2).result(30) == 2


def test_a_piece_that_fails_does_not_leave_its_job_waiting_for_the_others() -> None:
    """For those that nobody had begun."""
    from vidgan.jobs.batch.cluster_engine import _wait_for

    failed, waiting = Future[int](), Future[int]()
    failed.set_exception(OutputError("no space left"))
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(_wait_for, [failed, waiting], lambda: None)
        with pytest.raises(OutputError):
            waited.result(30)
    assert waiting.cancelled()


def test_a_worker_that_is_told_to_stop_by_others_is_as_good_as_dead(crew: Callable[..., Any]) -> None:
    told = iter([("failed", Interrupted("stopped"), []), ("done", 3, [])])
    assert crew(lambda: actor(lambda number: next(told))).submit("do", 3).result(30) == 3


def test_what_waits_when_the_user_stops_is_given_up(crew: Callable[..., Any]) -> None:
    ours = crew(lambda: actor(lambda number: ("done", number, [])))
    ours.stop()
    with pytest.raises(vidgan.VidganError, match="stopped"):
        ours.submit("do", 1).result(30)


def test_cuts_that_a_cluster_has_found_are_kept_for_whoever_goes_on(
    clip: Path, look: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(clip, look, tmp_path / "out.mkv")
    work_folder_of(request.out).mkdir()
    work = Work(work_folder_of(request.out), request.out, "x")
    assert kept_cuts(work) is None
    keep_cuts((2, 5), work)
    with monkeypatch.context() as patch:
        patch.setattr("vidgan.jobs.prepared.survey_clip", None)  # nobody looks for them again
        assert request.prepare(Watch()).cuts(work) == (2, 5)
    (work.folder / "cuts.json").write_text('{"cuts": [1, "x"]}')
    assert kept_cuts(work) is None
    assert request.prepare(Watch()).cuts(work) == ()
