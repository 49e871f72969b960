"""The three embedders: what each makes of a text, and what each refuses."""

import http.server
import ipaddress
import json
import threading
from hashlib import sha256
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from intelligence import embedders, outbound, synonyms
from intelligence.embedders import BadVector, EmbeddingError, Unreachable, english, minilm, remote
from intelligence.embedders.hashing import HashEmbedder
from intelligence.embedders.minilm import MiniLMEmbedder, UntrustedModel
from intelligence.embedders.naming import Names
from intelligence.embedders.remote import RemoteEmbedder, Server
from intelligence.embedders.wordpiece import pieces


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_lexical_embedder_says_the_same_of_the_same_and_is_labelled() -> None:
    made = HashEmbedder()
    one, same, alike, other = made.documents(
        ["Bought the dip", "bought  the DIP!", "Bought a dip at support", "Fed minutes at two"]
    )

    assert made.is_lexical
    assert one == same
    assert len(one) == 768
    assert cosine(one, one) == pytest.approx(1)
    assert cosine(one, alike) > cosine(one, other)
    with pytest.raises(BadVector):
        made.query("…!?")


def test_the_lexical_embedder_takes_names_and_forms_of_a_word_for_one_and_leaves_out_what_says_nothing() -> None:
    made = HashEmbedder()
    for one, other in (
        ("Sold half", "took half off"),
        ("Shorted gold", "a short in bullion"),
        # No bank is meant.
        ("Waited for the FOMC", "waiting: central bank"),
        ("It was shorted and stopped", "short stops"),
        ("losses", "loss"),
    ):
        assert cosine(made.query(one), made.query(other)) > 0.99, (one, other)
    assert english.stem("thing") == "thing"
    # Of stop words alone there is a vector all the same.
    assert cosine(made.query("what about it"), made.query("What about it?")) == pytest.approx(1)
    assert made.query("off") != made.query("on")


def test_in_another_language_words_stand_as_they_are_and_under_a_key_of_their_own() -> None:
    plain = HashEmbedder("simple")
    assert (plain.key, HashEmbedder().key) == ("hash-v2-plain", "hash-v2")
    assert cosine(plain.query("Sold half"), plain.query("took half off")) < 0.9
    assert cosine(plain.query("was zu tun war"), plain.query("zu tun")) < 0.9


def test_a_change_of_what_is_made_of_texts_comes_with_another_key() -> None:
    """Vectors of one key are compared: raise the number in `HashEmbedder.key` with these, and with the names that in
    `MiniLMEmbedder.key`, which has none yet.
    """
    files = (Path(synonyms.__file__).with_name("synonyms.english.txt"), Path(english.__file__))
    assert (HashEmbedder().key, MiniLMEmbedder().key) == ("hash-v2", "minilm-l6-v2-named")
    assert [sha256(file.read_bytes()).hexdigest()[:16] for file in files] == ["233a9e7fe0d261c4", "723f561beebc7924"]
    text = "Bought the retest of the broken trendline, stop below the swing low"
    made = HashEmbedder().query(text)
    assert sha256(repr([round(each, 9) for each in made]).encode()).hexdigest()[:16] == "92df0d181fa8affa"


@pytest.mark.skipif(minilm.folder() is None, reason="requirements-embed.txt is not installed")
def test_minilm_makes_the_published_vector() -> None:
    """The first numbers that sentence-transformers prints for this sentence."""
    made = MiniLMEmbedder()

    vector = made.query("This is an example sentence")

    assert vector[:5] == pytest.approx([0.0676569, 0.0634959, 0.0487131, 0.0793049, 0.0374480], abs=2e-5)
    assert vector[384:] == [0.0] * 384
    # Together or alone, long or short beside it: the same.
    together = made.documents(["This is an example sentence", "A much longer text " * 40, "x"])
    assert together[0] == pytest.approx(vector, abs=1e-5)
    dip, pullback, fed = made.documents(["bought the dip", "went long on a pullback", "the central bank spoke"])
    assert cosine(dip, pullback) > cosine(dip, fed)


@pytest.mark.skipif(minilm.folder() is None, reason="requirements-embed.txt is not installed")
def test_minilm_takes_a_text_together_with_itself_in_plain_names() -> None:
    said, plainly = "Sold half before the FOMC", "trim before the fed"
    alone = MiniLMEmbedder("german")
    both = [one + other for one, other in zip(*alone.documents([said, plainly]), strict=True)]

    named, without = MiniLMEmbedder().documents([said, "This is an example sentence"])

    assert named == pytest.approx([each / sqrt(sum(each**2 for each in both)) for each in both], abs=1e-6)
    assert without == pytest.approx(alone.query("This is an example sentence"), abs=1e-6)
    assert (MiniLMEmbedder().key, alone.key) == ("minilm-l6-v2-named", "minilm-l6-v2")


@pytest.mark.parametrize(
    ("text", "plainly"),
    [
        ("IV crushed after the FOMC headline.", "volatility crushed after the fed news."),
        ("EXITED at the TP", "exit at the target"),
        ("the central bank; a bank", "the fed; a bank"),
        ("cafe\u0301 au lait", "caf\u00e9 au lait"),
        ("", ""),
    ],
)
def test_what_has_several_names_is_called_by_the_first(text: str, plainly: str) -> None:
    assert Names("english").in_plain_names(text) == plainly
    assert Names("german").in_plain_names("IV after the FOMC") == "IV after the FOMC"


def test_a_model_that_is_not_the_published_one_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"a": 1}}}))
    with pytest.raises(UntrustedModel):
        MiniLMEmbedder(place=tmp_path).query("a")
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(UntrustedModel):
        minilm._load(tmp_path / "model.safetensors")


def test_word_pieces_are_the_longest_that_are_known() -> None:
    vocabulary = {"buy": 1, "##ing": 2, "dip": 3, "$": 4, "cafe": 5, "日": 6}

    assert pieces("Buying, the dip", vocabulary, most=10) == [101, 1, 2, 100, 100, 3, 102]
    assert pieces("$dip café 日", vocabulary, most=10) == [101, 4, 3, 5, 6, 102]
    assert pieces("dip " * 50, vocabulary, most=6) == [101, 3, 3, 3, 3, 102]
    assert pieces("", vocabulary, most=6) == [101, 102]


class Stub(http.server.BaseHTTPRequestHandler):
    """Answers with what the test says, and keeps what it was asked."""

    answers: list[tuple[int, Any]] = []
    asked: list[tuple[str, Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Stub.asked.append((self.path, body))
        status, content = Stub.answers.pop(0) if len(Stub.answers) > 1 else Stub.answers[0]
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(remote, "PAUSE", 0.0)
    Stub.answers, Stub.asked = [], []
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def made(**options: Any) -> RemoteEmbedder:
        place = f"http://127.0.0.1:{listening.server_address[1]}"
        given = {"url": place, "model": "nomic-embed-text", "dimensions": 4, "networks": ("127.0.0.0/8",)}
        return RemoteEmbedder(Server(**{**given, **options}))

    yield made
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_a_server_is_spoken_to_as_ollama_and_as_openai(server: Any) -> None:
    Stub.answers = [(200, {"embeddings": [[3, 4, 0, 0]]})]
    ollama = server()
    assert ollama.documents(["a"])[0][:4] == [0.6, 0.8, 0, 0]
    assert ollama.query("b")[:2] == [0.6, 0.8]
    assert Stub.asked == [
        ("/api/embed", {"model": "nomic-embed-text", "input": ["search_document: a"]}),
        ("/api/embed", {"model": "nomic-embed-text", "input": ["search_query: b"]}),
    ]

    Stub.answers = [(200, {"data": [{"index": 1, "embedding": [0, 1, 0, 0]}, {"index": 0, "embedding": [1, 0, 0, 0]}]})]
    openai = server(api="openai", model="m")
    assert [vector[:2] for vector in openai.documents(["a", "b"])] == [[1, 0], [0, 1]]
    assert Stub.asked[-1] == ("/v1/embeddings", {"model": "m", "input": ["a", "b"]})
    assert openai.key != ollama.key


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"embeddings": [[1, 2, 3]]}),
        (200, {"embeddings": [[0, 0, 0, 0]]}),
        (200, b'{"embeddings": [[NaN, 1, 1, 1]]}'),
        (200, {"embeddings": []}),
        (200, {"embeddings": [["a", 1, 1, 1]]}),
        (200, {"else": 1}),
        (200, b"<html>"),
        (302, {}),
        (401, {}),
    ],
)
def test_what_is_no_vector_is_refused_and_not_asked_again(server: Any, answer: tuple[int, Any]) -> None:
    Stub.answers = [answer]

    with pytest.raises(EmbeddingError) as refused:
        server().documents(["a"])

    assert not refused.value.may_pass
    assert len(Stub.asked) == 1


def test_a_busy_server_is_asked_again_and_then_left_alone(server: Any) -> None:
    Stub.answers = [(503, {}), (200, {"embeddings": [[1, 0, 0, 0]]})]
    assert server().documents(["a"])[0][0] == 1

    Stub.asked, Stub.answers = [], [(503, {})]
    failing = server()
    with pytest.raises(Unreachable):
        failing.documents(["a"])
    assert len(Stub.asked) == 3
    with pytest.raises(Unreachable):
        failing.query("a")
    assert len(Stub.asked) == 3


def test_a_server_outside_of_the_allowed_networks_is_not_asked(server: Any) -> None:
    Stub.answers = [(200, {"embeddings": [[1, 0, 0, 0]]})]

    with pytest.raises(EmbeddingError):
        server(networks=("10.0.0.0/8",)).documents(["a"])

    assert Stub.asked == []


def test_the_choice_is_the_settings_and_a_key_finds_its_own_embedder_only(settings: Any) -> None:
    settings.EMBEDDER = "hash"
    assert embedders.chosen().key == "hash-v2"
    assert embedders.with_key("hash-v2") is embedders.chosen()
    assert embedders.with_key("http-ollama-gone") is None
    settings.EMBEDDER = "oracle"
    with pytest.raises(EmbeddingError):
        embedders.chosen()
    settings.EMBEDDER = "http"
    with pytest.raises(EmbeddingError):
        embedders.chosen()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/feed", "file:///etc/passwd", "ftp://example.com/", "https://user:pw@example.com/",
        "https://169.254.169.254/latest", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://10.0.0.1/", "https://192.168.1.1/",
        "https://100.64.0.1/", "https://0.0.0.0/", "https://2130706433/", "https://0x7f.1/", "https://localhost/",
        "https://[fe80::1]/", "https://[fd00::1]/", "https://224.0.0.1/", "https:///nothing", "https://a b/",
    ],
)  # fmt: skip
def test_nothing_but_the_open_internet_by_https_is_asked(url: str) -> None:
    with pytest.raises(outbound.OutboundError):
        outbound.fetch(url)


def test_only_what_is_handed_out_to_hosts_is_public() -> None:
    wrapped = ["::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "::127.0.0.1"]
    for private in (*wrapped, "fec0::1", "3fff::1", "5f00::1", "192.88.99.1", "2001:db8::1", "2001::1", "4000::1"):
        assert not outbound.is_public(ipaddress.ip_address(private)), private
    for public in ("2606:4700::1111", "93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"):
        assert outbound.is_public(ipaddress.ip_address(public)), public


def test_every_address_of_a_name_is_judged_and_the_judged_one_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["93.184.216.34", "127.0.0.1"], ["93.184.216.34"]]
    monkeypatch.setattr(
        outbound.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (one, 443)) for one in answers[0]]
    )
    with pytest.raises(outbound.Forbidden):
        outbound.find("https://rebinding.example/")
    answers.pop(0)
    target = outbound.find("https://rebinding.example/a?b=1#c")
    assert ([str(each) for each in target.addresses], target.host, target.path) == (
        ["93.184.216.34"],
        "rebinding.example",
        "/a?b=1",
    )


def test_an_answer_that_is_too_large_or_too_slow_is_cut(server: Any) -> None:
    Stub.answers = [(200, b"x" * 5000)]
    place = server().server.url
    rules = outbound.Rules(outbound.within("127.0.0.0/8"), frozenset({"http"}), seconds=5, most_bytes=4000)
    with pytest.raises(outbound.Failed):
        outbound.fetch(place, rules=rules, method="POST", body=b"{}")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        slow = outbound.Rules(outbound.within("127.0.0.0/8"), frozenset({"http"}), seconds=0.2)
        with pytest.raises(outbound.Failed):
            outbound.fetch(url, rules=slow)


def test_vectors_of_other_dimensions_are_another_models() -> None:
    long = "m" * 200
    keys = {
        RemoteEmbedder(Server("http://x", name, dimensions=size)).key for name in ("a", long) for size in (384, 768)
    }

    assert len(keys) == 4
    assert max(map(len, keys)) <= 100


def test_models_whose_long_names_begin_alike_are_not_one() -> None:
    name = "hf.co/somebody/" + "a-rather-long-name-of-a-model-" * 3
    keys = {RemoteEmbedder(Server(url="http://127.0.0.1:1", model=f"{name}:{kind}")).key for kind in ("Q4", "Q8")}

    assert len(keys) == 2
    assert {len(key) <= 100 for key in keys} == {True}
    assert RemoteEmbedder(Server(url="http://127.0.0.1:1", model="nomic-embed-text")).key == (
        "http-ollama-nomic-embed-text-768"
    )
