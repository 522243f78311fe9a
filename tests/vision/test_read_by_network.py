"""Networks of the premium tier: lines read by CTC, text found, and files refused that are not what was configured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.onnx_models import ALPHABET, GREYS, HEIGHT, detector, named, recogniser
from tests.vision.test_read_text import drawn
from workers.sandbox import Sandbox
from workers.vision.text import networks, readers
from workers.vision.text.engines import FoundWord
from workers.vision.text.model_files import UnusableModel
from workers.vision.text.networks import Networks, SeenText, TextDetector, load_networks
from workers.vision.text.pages import Box, Language
from workers.vision.text.readers import BasicReader, LiteReader, PremiumReader, reader_of
from workers.vision.text.reading import read_page

GreyImage = NDArray[np.uint8]


def striped(letters: str, *, height: int = HEIGHT, width: int = 32) -> GreyImage:
    """A line in the network's own script: each letter a stripe of its grey, white between."""
    stripes = [np.full((height, width), 255, np.uint8)]
    for letter in letters:
        stripes.append(np.full((height, width), round((GREYS[letter] + 1) * 127.5), np.uint8))
        stripes.append(np.full((height, width), 255, np.uint8))
    return np.hstack(stripes)


def loaded(folder: Path, **files: bytes) -> Networks:
    found = load_networks(named(folder, **({"recogniser": recogniser(), "alphabet": ALPHABET.encode()} | files)))
    assert found is not None
    return found


def test_nothing_is_loaded_where_nothing_is_named() -> None:
    assert load_networks({}) is None
    assert load_networks({"OCR_ONNX_RECOGNISER": "", "OCR_ONNX_ALPHABET": ""}) is None


@pytest.mark.parametrize("are_logits", [True, False])
def test_a_line_is_read_letter_by_letter_with_its_boxes(tmp_path: Path, are_logits: bool) -> None:
    found = loaded(tmp_path, recogniser=recogniser(are_logits=are_logits))
    words = found.recogniser.read(striped("가나 가가"))
    assert [word.text for word in words] == ["가나", "가가"]
    assert [word.box for word in words] == [(32, 0, 128, 48), (224, 0, 320, 48)]
    assert all(word.confidence > 0.99 for word in words)


def test_a_taller_line_is_brought_to_the_networks_height(tmp_path: Path) -> None:
    (word,) = loaded(tmp_path).recogniser.read(striped("가나", height=96, width=64))
    assert (word.text, word.box) == ("가나", (64, 0, 256, 96))


def test_an_empty_line_has_no_words(tmp_path: Path) -> None:
    assert loaded(tmp_path).recogniser.read(striped("")) == []


def test_an_alphabet_without_a_space_is_one_word(tmp_path: Path) -> None:
    found = loaded(tmp_path, recogniser=recogniser(classes=("", "가", "나")))
    assert [word.text for word in found.recogniser.read(striped("가나"))] == ["가나"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files, folder: (folder / "recogniser").unlink(), "cannot be read"),
        (lambda files, folder: (folder / "alphabet").write_text("가\n다\n"), "is not the file that was configured"),
        (lambda files, folder: files.pop("OCR_ONNX_ALPHABET"), "go together"),
        (lambda files, folder: files.update(OCR_ONNX_RECOGNISER=str(folder / "recogniser")), "sha256=HEX"),
        (lambda files, folder: files.update(OCR_ONNX_DETECTOR="models/x.onnx"), "sha256=HEX"),
        (lambda files, folder: files.update(named(folder, recogniser=b"no network")), "not an ONNX network"),
        (lambda files, folder: files.update(named(folder, recogniser=detector())), "is expected"),
        (lambda files, folder: files.update(named(folder, detector=recogniser())), "does not run on"),
        (lambda files, folder: files.update(named(folder, alphabet="가\n".encode())), "the alphabet's 1"),
        (lambda files, folder: files.update(named(folder, alphabet=b"\xff\xfe\n")), "not UTF-8"),
    ],
    ids=["missing", "digest", "half", "no-digest", "relative", "garbage", "kind", "detector", "classes", "encoding"],
)
def test_a_model_that_is_not_what_was_configured_is_refused(
    tmp_path: Path, change: Callable[[dict[str, str], Path], object], reason: str
) -> None:
    files = named(tmp_path, recogniser=recogniser(), alphabet=ALPHABET.encode())
    change(files, tmp_path)
    with pytest.raises(UnusableModel, match=reason):
        load_networks(files)


@dataclass
class FixedReader:
    """Reads the same of every line."""

    text: str
    confidence: float
    asked: list[GreyImage] = field(default_factory=list)

    def read(self, strip: GreyImage, hint: Language = Language.KOREAN) -> tuple[list[FoundWord], Language]:
        self.asked.append(strip)
        return [FoundWord(self.text, (0, 0, 10, 10), self.confidence)], hint


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.95, "이차"), (0.4, "가나"), (0.0, "가나")], ids=["sure", "weak", "hopeless"]
)
def test_only_what_stays_weak_is_read_by_the_network(tmp_path: Path, confidence: float, text: str) -> None:
    first = FixedReader("이차", confidence)
    reader = PremiumReader(loaded(tmp_path).recogniser, first)  # type: ignore[arg-type]  # reads like one
    words, language = reader.read(striped("가나"), Language.ENGLISH)
    assert [word.text for word in words] == [text]
    assert language is (Language.KOREAN if text == "가나" else Language.ENGLISH)


def test_what_the_network_is_less_sure_of_stays_as_it_was(tmp_path: Path) -> None:
    reader = PremiumReader(loaded(tmp_path).recogniser, FixedReader("이차", 0.7))  # type: ignore[arg-type]
    assert [word.text for word in reader.read(striped(""), Language.KOREAN)[0]] == ["이차"]


def test_each_tier_has_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = loaded(tmp_path)
    monkeypatch.setattr(readers, "configured_networks", lambda: found)
    assert [type(reader_of(tier)) for tier in ("lite", "basic", "premium")] == [LiteReader, BasicReader, PremiumReader]
    monkeypatch.setattr(readers, "configured_networks", lambda: None)
    assert type(reader_of("premium")) is BasicReader


def test_where_text_is_is_found(tmp_path: Path) -> None:
    found = loaded(tmp_path, detector=detector()).detector
    assert found is not None
    page = np.full((1200, 900), 255, np.uint8)
    page[300:360, 100:600] = 0
    seen = found.find(page)
    assert seen.holds(Box(100, 300, 500, 60))
    assert not seen.holds(Box(100, 700, 500, 60))
    assert not seen.holds(Box(2000, 3000, 10, 10))


class Blind(TextDetector):
    """Sees no text anywhere."""

    def __init__(self) -> None:
        return

    def find(self, image: GreyImage) -> SeenText:
        return SeenText(np.zeros(image.shape, np.uint8), 1.0, 1.0)


def test_what_is_read_surely_is_kept_where_no_text_was_seen() -> None:
    page = drawn()
    soft = np.asarray(cv2.GaussianBlur(page, (0, 0), 5.2), np.uint8)
    sharp = read_page(page, LiteReader(), detector=Blind()).page
    assert sharp.text == read_page(page, LiteReader()).page.text
    assert all(line.confidence >= readers.SURE for line in read_page(soft, LiteReader(), detector=Blind()).page.lines)


def test_a_child_of_the_sandbox_reads_with_the_network_of_the_process_it_was_forked_from(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files = named(tmp_path, recogniser=recogniser(), alphabet=ALPHABET.encode(), detector=detector())
    picture = cv2.imencode(".png", drawn())[1].tobytes()
    modules = ["workers.compute", "workers.vision.text.warm"]
    with Sandbox(preload=modules, allowed=modules[:1], environment=files) as sandbox:
        assert sandbox.confinement["threads"] == 1
        for path in tmp_path.iterdir():
            path.unlink()  # what is read with is what was loaded
        for _ in range(2):
            answer = sandbox.run("workers.compute:read_text", picture, "premium", False, timeout_seconds=60)
            assert isinstance(answer, dict)
            assert "자전축" in str(answer["text"])


def test_networks_that_are_never_configured_are_never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OCR_ONNX_RECOGNISER", "OCR_ONNX_ALPHABET", "OCR_ONNX_DETECTOR"):
        monkeypatch.delenv(name, raising=False)
    networks.configured_networks.cache_clear()
    assert networks.configured_networks() is None
