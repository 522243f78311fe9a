"""ONNX networks of the premium tier: a recogniser of lines, and a detector of where text is.

The contract is that of PP-OCR's exports, which most public recognisers keep:

*Recogniser.* One input, float32 ``[N, 1 or 3, height, width]``: a line black on white, 0 to 255 as -1 to 1; width is
free. First output, float32 ``[N, steps, classes]``, probabilities or logits, steps from left to right evenly over the
width. Class 0 is CTC's blank, class *i* the *i*-th line of the alphabet (UTF-8), and one class more than those is a
space.

*Detector.* One input, float32 ``[1, 3, height, width]``, multiples of 32, normalised as ImageNet's pictures. First
output, float32 ``[1, 1, height, width]``: how probably a pixel belongs to text.

They run on the CPU with one thread, in the sandbox: sessions made before a fork are shared by the children, and CUDA
does not outlive a fork. A GPU is reached through the vision model's port.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text.engines import FoundWord
from workers.vision.text.model_files import UnusableModel, named_files
from workers.vision.text.pages import Box

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GreyImage = NDArray[np.uint8]
Floats = NDArray[np.float32]

USUAL_HEIGHT_PX: Final = 48
MAX_WIDTH_PX: Final = 3200
TEXT_PROBABILITY: Final = 0.3
"""PP-OCR's own threshold for its probability maps."""
LOOK_PX: Final = 960
STRIDE_PX: Final = 32
GROWN_SHARE: Final = 0.012
"""Of the picture's long side by which what was found grows: such networks are trained to find text without its rim."""
MIN_SEEN_SHARE: Final = 0.25
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
_DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]


@dataclass(frozen=True, slots=True, eq=False)
class CtcRecogniser:
    """Reads one line. ``classes``: what each class stands for, the blank's place empty."""

    session: InferenceSession
    classes: tuple[str, ...]
    channels: int
    height_px: int

    def read(self, strip: GreyImage) -> list[FoundWord]:
        """The words of ``strip`` (h, w), black on white."""
        width = min(max(round(strip.shape[1] * self.height_px / strip.shape[0]), self.height_px), MAX_WIDTH_PX)
        line = cv2.resize(strip, (width, self.height_px), interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        scores = _first_output(self.session, np.repeat(line[None], self.channels, 0)[None])[0]
        return list(self._words(_probabilities(scores), strip.shape))

    def _words(self, probabilities: Floats, shape: tuple[int, ...]) -> Iterator[FoundWord]:
        """Greedy CTC (Graves et al. 2006): runs of a class are one letter, blanks part equal ones."""
        step_px = shape[1] / len(probabilities)
        best = probabilities.argmax(1)
        word: list[tuple[str, int, int, float]] = []
        for index, steps in groupby(range(len(best)), key=lambda step: int(best[step])):
            run = list(steps)
            letter = self.classes[index]
            if letter.isspace():
                yield from _joined(word, step_px, shape[0])
                word = []
            elif letter:
                word.append((letter, run[0], run[-1] + 1, float(probabilities[run, index].max())))
        yield from _joined(word, step_px, shape[0])


def _joined(letters: list[tuple[str, int, int, float]], step_px: float, height: int) -> Iterator[FoundWord]:
    if letters:
        box = (round(letters[0][1] * step_px), 0, round(letters[-1][2] * step_px), height)
        yield FoundWord("".join(one[0] for one in letters), box, sum(one[3] for one in letters) / len(letters))


def _probabilities(scores: Floats) -> Floats:
    """``scores`` (steps, classes) as they are where they are probabilities, else their softmax."""
    if scores.min() >= 0 and np.allclose(scores.sum(1), 1, atol=1e-2):
        return scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TextDetector:
    """Finds where on a page there is text."""

    session: InferenceSession

    def find(self, image: GreyImage) -> SeenText:
        """Where on ``image`` (H, W) text is seen."""
        factor = min(LOOK_PX / max(image.shape), 1.0)
        height, width = (max(round(side * factor / STRIDE_PX), 1) * STRIDE_PX for side in image.shape)
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        normalised = ((np.repeat(small[None], 3, 0) - _MEAN) / _DEVIATION).astype(np.float32)
        probability = _first_output(self.session, normalised[None])[0, 0]
        reach = 2 * max(round(GROWN_SHARE * max(height, width)), 1) + 1
        seen = cv2.dilate((probability >= TEXT_PROBABILITY).astype(np.uint8), np.ones((reach, reach), np.uint8))
        return SeenText(np.asarray(seen, np.uint8), width / image.shape[1], height / image.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class SeenText:
    """``mask`` (h, w): 1 where text is; the scales lead from the page's pixels to it."""

    mask: NDArray[np.uint8]
    x_scale: float
    y_scale: float

    def holds(self, box: Box) -> bool:
        """Whether text is seen on a good part of ``box``."""
        left, right = (int(x * self.x_scale) for x in (box.x, box.right))
        top, bottom = (int(y * self.y_scale) for y in (box.y, box.bottom))
        patch = self.mask[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
        return bool(patch.size) and float(patch.mean()) >= MIN_SEEN_SHARE


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """What was configured, loaded and tried."""

    recogniser: CtcRecogniser
    detector: TextDetector | None


def load_networks(environment: Mapping[str, str]) -> Networks | None:
    """The networks that ``environment`` names, tried on an empty picture; None where it names none.

    Raises ``UnusableModel`` with what is wrong: a file that is missing or another, or a network of another kind.
    """
    files = named_files(environment)
    if files is None:
        return None
    recogniser = _recogniser(_session(files.recogniser.read()), files.alphabet.read())
    if files.detector is None:
        return Networks(recogniser, None)
    detector = TextDetector(_session(files.detector.read()))
    _check(detector.session, (1, 3, 64, 96), lambda shape: shape == (1, 1, 64, 96), "a detector's map")
    return Networks(recogniser, detector)


@cache
def configured_networks() -> Networks | None:
    """Those of this process's environment, loaded once."""
    return load_networks(os.environ)


def _session(data: bytes) -> InferenceSession:
    # Builds of 1.29 and later report to their maker unless this is set, and start a thread for it: none is installed
    # here, and none of a later deployment shall.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # only where a model is configured: 40 MB that no other process needs

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # none of its own: what forks must have no threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise UnusableModel(f"not an ONNX network that runs here: {str(error)[:300]}") from error


def _recogniser(session: InferenceSession, alphabet: bytes) -> CtcRecogniser:
    try:
        letters = alphabet.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UnusableModel("the alphabet is not UTF-8") from error
    shape = session.get_inputs()[0].shape
    if len(session.get_inputs()) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
        raise UnusableModel(f"a recogniser takes one input [N, 1 or 3, height, width], not {shape}")
    height = shape[2] if isinstance(shape[2], int) else USUAL_HEIGHT_PX
    outputs: list[int] = []

    def is_known(found: tuple[int, ...]) -> bool:
        outputs.extend(found[-1:])
        return len(found) == 3 and found[0] == 1 and found[1] >= 2 and found[2] - 1 - len(letters) in (0, 1)

    _check(session, (1, shape[1], height, 320), is_known, f"[1, steps, 1 + the alphabet's {len(letters)}]")
    return CtcRecogniser(session, ("", *letters, " ")[: outputs[0]], shape[1], height)


def _check(
    session: InferenceSession, shape: tuple[int, ...], is_right: Callable[[tuple[int, ...]], bool], wanted: str
) -> None:
    """Run once on nothing, so that a network of another kind is refused before a page is read with it."""
    try:
        found = _first_output(session, np.ones(shape, np.float32)).shape
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise UnusableModel(f"the network does not run on {list(shape)}: {str(error)[:300]}") from error
    if not is_right(found):
        raise UnusableModel(f"the network gives {list(found)} where {wanted} is expected")


def _first_output(session: InferenceSession, values: Floats) -> Floats:
    return np.asarray(session.run(None, {session.get_inputs()[0].name: values})[0], np.float32)
