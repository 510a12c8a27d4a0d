"""The faults of the sweep: each takes a run that has not begun and a moment at which it happens."""

import errno
from collections.abc import Callable
from random import Random

from support.faulty_run import COST_NS, Run

from live_whisper.runtime.simulate import Trouble
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, ns_to_samples

GAP_SAMPLES = SAMPLE_RATE // 3
SLEEP_SAMPLES = 40 * SAMPLE_RATE
MOMENT_NS = NS_PER_SECOND // 10
"""From one press of Ctrl-C to the next."""
NEAR = 100
"""Moments within which a second fault follows the first, about seventeen seconds."""

Fault = Callable[[Run, int], None]
"""Arranges that the fault happens at a moment (nanoseconds)."""


# --- the recognizer ---------------------------------------------------------------------------


def worker_dies(run: Run, moment_ns: int) -> None:
    run.troubles[run.request_at(moment_ns)] = Trouble("die", moment_ns % COST_NS)


def worker_dies_four_times(run: Run, moment_ns: int) -> None:
    first = run.request_at(moment_ns)
    run.troubles |= dict.fromkeys(range(first, first + 4), Trouble("die"))


def worker_hangs(run: Run, moment_ns: int) -> None:
    run.troubles[run.request_at(moment_ns)] = Trouble("hang")


def slow_spell(run: Run, moment_ns: int) -> None:
    first = run.request_at(moment_ns)
    run.slow = range(first, first + 5)


# --- disks ------------------------------------------------------------------------------------


def audio_disk_full(run: Run, moment_ns: int) -> None:
    run.break_disk(run.audio_disk, moment_ns, errno.ENOSPC)


def audio_disk_fails(run: Run, moment_ns: int) -> None:
    run.break_disk(run.audio_disk, moment_ns, errno.EIO)


def text_disk_full(run: Run, moment_ns: int) -> None:
    run.break_disk(run.text_disk, moment_ns, errno.ENOSPC)


def text_disk_read_only(run: Run, moment_ns: int) -> None:
    run.break_disk(run.text_disk, moment_ns, errno.EROFS)


def subtitle_file_deleted(run: Run, moment_ns: int) -> None:
    run.at(moment_ns, lambda: run.srt.unlink(missing_ok=True))


def subtitle_folder_away(run: Run, moment_ns: int) -> None:
    """A network folder that comes back after a while."""
    run.take_away(run.srt.parent, moment_ns)


# --- the device -------------------------------------------------------------------------------


def device_gap(run: Run, moment_ns: int) -> None:
    run.lose(moment_ns, GAP_SAMPLES)


def computer_sleeps(run: Run, moment_ns: int) -> None:
    run.lose(moment_ns, SLEEP_SAMPLES)


def device_notice(run: Run, moment_ns: int) -> None:
    run.notices.append((ns_to_samples(moment_ns), "The device was reopened."))


# --- the end ----------------------------------------------------------------------------------


def stop_once(run: Run, moment_ns: int) -> None:
    run.stops_ns.append(moment_ns)


def stop_twice(run: Run, moment_ns: int) -> None:
    run.stops_ns += [moment_ns, moment_ns + MOMENT_NS]


def killed(run: Run, moment_ns: int) -> None:
    """``kill -9``, and ``live-whisper recover`` afterwards."""
    run.kill(moment_ns)


def killed_while_it_ends(run: Run, moment_ns: int) -> None:
    """Ctrl-C three times, as long as it has something to finish."""
    run.stops_ns.append(moment_ns)
    run.kill(moment_ns + MOMENT_NS)


def nobody_reads(run: Run, moment_ns: int) -> None:
    """``| head``: standard output is closed by its reader, the files go on."""
    run.at(moment_ns, run.reader.go_away)


KINDS: tuple[tuple[Fault, ...], ...] = (
    (worker_dies, worker_dies_four_times, worker_hangs, slow_spell),
    (audio_disk_full, audio_disk_fails),
    (text_disk_full, text_disk_read_only),
    (subtitle_file_deleted, subtitle_folder_away),
    (device_gap, computer_sleeps, device_notice),
    (nobody_reads,),
    (stop_once, stop_twice),
)
"""Faults of one kind are not combined: the second would take the place of the first."""


def two_at_once(run: Run, moment_ns: int) -> None:
    """Any fault, and soon one of another kind; which ones, the moment decides."""
    random = Random(moment_ns)
    first, second = random.sample(KINDS, 2)
    random.choice(first)(run, moment_ns)
    moments = run.ground.moments_ns
    soon = moments.index(moment_ns) + random.randrange(NEAR)
    random.choice(second)(run, moments[min(soon, len(moments) - 1)])


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (*(item for kind in KINDS for item in kind), killed, killed_while_it_ends,
                  two_at_once)
}  # fmt: skip
