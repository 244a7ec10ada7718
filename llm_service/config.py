"""The settings of the language-model service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from common.settings import ModelServerSettings
from llm_service.engine import PENALTIES


class LlmSettings(ModelServerSettings):
    """Each field is the environment variable of the same name in capitals."""

    llm_port: int = Field(
        50052, ge=0, le=65535, description="gRPC port of the language model service. 0: any free port."
    )
    llm_engine: Literal["auto", "openai", "vllm", "llama.cpp"] = Field(
        "auto",
        description="`openai` (use `LLM_BASE_URL`), `vllm` or `llama.cpp`. `auto`: depends on `LLM_BASE_URL`, the "
        "model and the machine.",
    )
    llm_base_url: str = Field(
        "",
        pattern=r"^(https?://[^,\s]+(\s*,\s*https?://[^,\s]+)*)?$",
        description="A running OpenAI-compatible server, for example `http://vllm:8000/v1`, or several with the same "
        "model, separated by commas. Empty: the service starts a server of its own.",
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="Bearer token for `LLM_BASE_URL`.")
    llm_model_name: str = Field(
        "Qwen/Qwen2.5-7B-Instruct-AWQ",
        description="With `LLM_BASE_URL`: the name of a model there. For vLLM: a Hugging Face id, or a folder. For "
        "llama.cpp: the path of a GGUF file, or the id of a repository of such files, which ends in `-GGUF`, for "
        "example `Qwen/Qwen2.5-3B-Instruct-GGUF`.",
    )
    llm_model_revision: str = Field(
        "", description="Branch, tag or commit of the model that vLLM or llama.cpp loads. Empty: the newest."
    )
    llm_gguf_file: str = Field(
        "*q4_k_m*.gguf",
        pattern=r"^[^\[\]]+\.gguf$",
        description="Which file of a GGUF repository is served: a name, or a pattern in which `*` stands for anything. "
        "Case doesn't matter.",
    )
    llm_dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = Field(
        "auto", description="vLLM's number type for weights and activations. `auto`: the model's own."
    )
    llm_quantization: str = Field(
        "auto", description="vLLM's quantisation method, for example `awq_marlin` or `fp8`. `auto`: the model's own."
    )
    llm_vllm_args: str = Field(
        "",
        description="Further arguments for the `vllm serve` that the service starts, for example "
        "`--tensor-parallel-size 2`.",
    )
    llm_max_model_len: int = Field(
        4096,
        ge=256,
        description="Context length in tokens: prompt and reply together. If this is not set, the bundled model gets "
        "2,048.",
    )
    llm_gpu_memory_utilization: float = Field(
        0.35, gt=0, le=1, description="Share of the GPU's memory that vLLM may take."
    )
    llm_adapter: str = Field(
        "",
        description="A LoRA adapter for llama.cpp: the path of a GGUF file. Empty: the bundled model uses the "
        "adapter that was trained for conversations with learners, and other models use none. `none`: no adapter. If "
        "it is set, the bundled model is not asked for corrections.",
    )
    llm_max_tokens: int = Field(256, ge=1, description="Greatest length of a reply in tokens, if a request sets none.")
    llm_temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        description="Sampling temperature, if a request sets none. Empty: 0.7, or 0.4 for a model of less than 500 "
        "million parameters.",
    )
    llm_top_p: float | None = Field(
        None, gt=0, le=1, description="Nucleus sampling, if a request sets none. Empty: the model server's default."
    )
    llm_min_p: float | None = Field(
        None,
        ge=PENALTIES["min_p"][0],
        le=PENALTIES["min_p"][1],
        description="Tokens are left out if their probability is below this share of the highest one "
        "(llama.cpp, vLLM, SGLang). Empty: 0.05, or 0.1 for a model of less than 500 million parameters.",
    )
    llm_repetition_penalty: float | None = Field(
        None,
        ge=PENALTIES["repetition_penalty"][0],
        le=PENALTIES["repetition_penalty"][1],
        description="Penalty on tokens that have occurred (llama.cpp, vLLM, SGLang). 1: no penalty. Empty: 1.05.",
    )
    llm_frequency_penalty: float | None = Field(
        None,
        ge=PENALTIES["frequency_penalty"][0],
        le=PENALTIES["frequency_penalty"][1],
        description="OpenAI's frequency penalty, for servers other than llama.cpp, vLLM and SGLang. Empty: 0.3.",
    )
    llm_presence_penalty: float | None = Field(
        None,
        ge=PENALTIES["presence_penalty"][0],
        le=PENALTIES["presence_penalty"][1],
        description="OpenAI's presence penalty, for servers other than llama.cpp, vLLM and SGLang. Empty: 0.2.",
    )
    llm_dry_multiplier: float | None = Field(
        None,
        ge=PENALTIES["dry_multiplier"][0],
        le=PENALTIES["dry_multiplier"][1],
        description="llama.cpp's DRY: penalty on continuing a sequence of tokens that has occurred. 0: no penalty. "
        "Empty: 0.8.",
    )
    llm_max_streams: int = Field(
        16, ge=1, description="Replies that are written at once; further ones are refused as busy."
    )
    llm_threads: int = Field(
        0, ge=0, description="CPU threads of the bundled llama.cpp server. 0: half of the CPUs, 8 at most."
    )
    llm_startup_timeout_s: float = Field(
        600.0, gt=0, description="Seconds that a server started by the service may take to load its model."
    )
    llm_request_timeout_s: float = Field(
        60.0, gt=0, description="A request is given up after this many seconds without a byte from the server."
    )

    @property
    def llm_base_urls(self) -> tuple[str, ...]:
        """The servers that LLM_BASE_URL names."""
        return tuple(url.strip().rstrip("/") for url in self.llm_base_url.split(",") if url.strip())
