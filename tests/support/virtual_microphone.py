"""A microphone made of a private PulseAudio server: nothing of the user's own is touched.

``with virtual_microphone(folder) as microphone:`` starts a server with its own home and runtime
folders, a null sink, and the sink's monitor as the default input. PortAudio reaches it through
ALSA's pulse plugin, so a program that is to hear it must run with ``microphone.environment``.
Debian: ``apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2``.
"""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

SINK = "live_whisper_test"
_START_SECONDS = 15


@dataclass(frozen=True)
class VirtualMicrophone:
    """A running sound server of one's own."""

    environment: dict[str, str]
    """For every program that is to see this server and no other."""
    listeners: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Start playing a WAV file into the microphone."""
        return subprocess.Popen(
            ["paplay", f"--device={SINK}", "--latency-msec=500", str(path)], env=self.environment
        )

    def control(self, *arguments: str) -> str:
        """Run ``pactl``; returns what it prints."""
        done = subprocess.run(
            ["pactl", *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.stdout.strip()

    def plug_in(self) -> None:
        """Create the sink, make its monitor the default input, and wait until it runs.

        A null sink without a listener hands out its sound two seconds late. No real microphone
        does, so one listener stays attached; its first bytes say that the sink is awake.
        """
        self.control("load-module", "module-null-sink", f"sink_name={SINK}", "rate=48000")
        self.control("set-default-source", f"{SINK}.monitor")
        listener = subprocess.Popen(
            ["parec", "--latency-msec=20", f"--device={SINK}.monitor"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.listeners.append(listener)
        assert listener.stdout is not None
        if not listener.stdout.read(64):
            raise RuntimeError("the null sink gives no sound")
        threading.Thread(target=_discard, args=(listener.stdout,), daemon=True).start()

    def unplug(self) -> None:
        """Remove the sink, and with it the microphone."""
        self.control("unload-module", "module-null-sink")


def missing() -> str | None:
    """Which program is not installed, or ``None``."""
    return next(
        (p for p in ("pulseaudio", "pactl", "paplay", "parec") if not shutil.which(p)), None
    )


@contextlib.contextmanager
def virtual_microphone(folder: Path) -> Iterator[VirtualMicrophone]:
    """Start the server in ``folder`` (short: a socket lies in it) and stop it afterwards."""
    environment = _environment(folder)
    server = subprocess.Popen(
        [
            "pulseaudio",
            "-n",  # nothing of the user's or the system's configuration
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disallow-exit",
            "--log-target=stderr",
            "--log-level=error",
            f"--load=module-native-protocol-unix socket={folder}/socket auth-anonymous=1",
        ],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    microphone = VirtualMicrophone(environment)
    try:
        _wait_for(server, folder / "socket")
        microphone.plug_in()
        yield microphone
    finally:
        for process in (*microphone.listeners, server):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _discard(stream: IO[bytes]) -> None:
    with stream:
        while stream.read(1 << 16):
            pass


def _environment(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PULSE_", "XDG_"))}
    return kept | {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PULSE_SERVER": f"unix:{folder}/socket",
    }


def _wait_for(server: subprocess.Popen[bytes], socket: Path) -> None:
    pause = threading.Event()
    for _ in range(_START_SECONDS * 20):
        if socket.exists():
            return
        if server.poll() is not None:
            break
        pause.wait(0.05)
    raise RuntimeError("PulseAudio did not start")
