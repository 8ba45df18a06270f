"""How a script ends: what a person is told, and with which exit code."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT, posix


def command(body: str) -> list[str]:
    """Run ``body`` as the ``main`` of a script."""
    script = (
        f"import time\nfrom activity.common.script import *\ndef main(): {body}\nrun_script(main)"
    )
    return [sys.executable, "-c", script]


def run(body: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(body), capture_output=True, timeout=60, cwd=ROOT, **options)


def start(body: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(body),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # The shell that runs the tests may have had them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_user_error_is_one_line_and_exit_code_2() -> None:
    done = run(r"raise UserError('no \x1b[2J photo\n at caf\udcff')")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"error: no \\x1b[2J photo\\n at caf\\udcff\n"


def test_names_are_printed_where_the_terminal_knows_only_ascii() -> None:
    done = run(r"print('网'); raise UserError('网')", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout, done.stderr) == (2, b"\\u7f51\n", b"error: \\u7f51\n")


def test_a_bug_keeps_its_traceback() -> None:
    done = run("return 1 / 0")
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert b"ZeroDivisionError" in done.stderr


def test_success_is_exit_code_0() -> None:
    assert run("print('done')").returncode == 0


@posix
def test_a_reader_who_leaves_ends_the_run_quietly() -> None:
    process = start("any(print('x' * 999) for _ in range(10_000_000))")
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("error", ["ValueError('x')", "UserError('x')"])
def test_an_interruption_that_native_code_makes_another_error_of(error: str) -> None:
    """TensorFlow does so while it is imported and while it traces."""
    body = f"""
    import signal
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        raise {error}"""
    done = run(body)
    assert (done.returncode, done.stderr) == (130, b"interrupted\n")


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_exit_code_130(number: signal.Signals) -> None:
    process = start("print('ready', flush=True); time.sleep(60)")
    process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"interrupted\n")


@posix
def test_another_interruption_while_the_process_ends_changes_nothing() -> None:
    done = run("""
    import atexit, os, signal
    atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))
    raise KeyboardInterrupt""")
    assert (done.returncode, done.stderr) == (130, b"interrupted\n")


def test_a_script_that_was_part_of_a_cluster_does_not_wait_for_ray() -> None:
    """Ray's native code may spin for ever when the head is gone; here, something else does."""
    done = run("""
    import atexit, sys, types
    sys.modules["ray"] = types.ModuleType("ray")
    atexit.register(time.sleep, 120)
    print("said")
    raise UserError("the head is gone")""")
    assert (done.returncode, done.stdout.split()) == (2, [b"said"])
    assert done.stderr == b"error: the head is gone\n".replace(b"\n", os.linesep.encode())


@posix
def test_a_ctrl_c_that_the_shell_has_a_script_ignore_is_ignored() -> None:
    done = run(
        "import signal; signal.raise_signal(signal.SIGINT)",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (done.returncode, done.stderr) == (0, b"")
