import pytest

from live_whisper.audio.devices import choose_device, kind_of
from live_whisper.errors import DeviceError


@pytest.fixture
def devices(make_device):
    return (
        make_device("Built-in Microphone", 0),
        make_device("USB Headset", 2, default=True),
        make_device("USB Webcam", 3),
        make_device("Monitor of Speakers", 5),
    )


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (None, 2),
        ("", 2),
        ("0", 0),
        (" 3 ", 3),
        ("usb headset", 2),
        ("USB Webcam", 3),
        ("built", 0),
        ("webCAM", 3),
        ("system", 5),
        ("monitor", 5),
    ],
)
def test_chosen(devices, wanted, index):
    assert choose_device(devices, wanted).index == index


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("usb", "'usb' matches 2 input devices: 2 'USB Headset', 3 'USB Webcam'"),
        ("1", "no input device number 1.*0, 2, 3, 5"),
        ("-1", "no input device number -1"),
        ("--5", "No input device is called '--5'"),
        ("²", "No input device is called '²'"),
        ("USB Hedset", "Nearest: 2 'USB Headset'"),
        ("zzzzz", "No input device is called 'zzzzz'.*There are: 0 'Built-in Microphone'"),
    ],
)
def test_refused_with_a_way_out(devices, wanted, says):
    with pytest.raises(DeviceError, match=says) as caught:
        choose_device(devices, wanted)
    assert "\n" not in str(caught.value)


def test_exact_name_wins_over_part_of_another(make_device):
    devices = (make_device("USB", 0), make_device("USB Audio", 1))
    assert choose_device(devices, "usb").index == 0


def test_one_device_behind_several_host_apis_is_one_match(make_device):
    devices = (make_device("Mic", 0), make_device("Mic", 7, default=True))
    assert choose_device(devices, "mic").index == 7


def test_two_loopbacks_are_ambiguous(make_device):
    devices = (make_device("Monitor of A", 0), make_device("BlackHole 2ch", 1))
    with pytest.raises(DeviceError, match="matches 2"):
        choose_device(devices, "system")


def test_nothing_there(make_device):
    with pytest.raises(DeviceError, match="No input device was found"):
        choose_device((), "mic")
    with pytest.raises(DeviceError, match=r"no default input device.*0 'Mic'"):
        choose_device((make_device("Mic", 0),), None)


def test_long_lists_are_cut(make_device):
    devices = tuple(make_device(f"Mic {n}", n) for n in range(30))
    with pytest.raises(DeviceError, match="and 22 more"):
        choose_device(devices, "mic")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Monitor of Built-in Audio", "loopback"),
        ("BlackHole 2ch", "loopback"),
        ("Stereo Mix (Realtek)", "loopback"),
        ("MacBook Pro Microphone", "microphone"),
    ],
)
def test_loopbacks_are_known_by_name(name, kind):
    assert kind_of(name) == kind
