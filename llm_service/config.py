"""The settings of the language-model service."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from common.settings import ModelServerSettings


class LlmSettings(ModelServerSettings):
    """Each field is the environment variable of the same name in capitals."""

    llm_port: int = Field(50052, ge=0, le=65535, description="gRPC port of the language-model service; 0: a free one.")
    llm_engine: Literal["auto", "openai", "vllm", "llama.cpp"] = Field(
        "auto", description="`openai` (`LLM_BASE_URL`), `vllm` or `llama.cpp`; `auto`: by the model and the machine."
    )
    llm_base_url: str = Field(
        "",
        pattern=r"^(https?://[^,\s]+(\s*,\s*https?://[^,\s]+)*)?$",
        description="A running OpenAI-compatible server, e.g. `http://vllm:8000/v1`, or several of the same model with"
        " commas between; empty: the service starts one.",
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="Bearer token for `LLM_BASE_URL`.")
    llm_model_name: str = Field(
        "Qwen/Qwen2.5-7B-Instruct-AWQ",
        description="Hugging Face id that vLLM serves, name of a model of `LLM_BASE_URL`, or path of a GGUF file.",
    )
    llm_model_revision: str = Field(
        "", description="Branch, tag or commit of the model that vLLM loads; empty: the newest."
    )
    llm_dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = Field(
        "auto", description="vLLM's number type for weights and activations; `auto`: as the model says."
    )
    llm_quantization: str = Field(
        "auto", description="vLLM's quantisation method, e.g. `awq_marlin` or `fp8`; `auto`: as the model says."
    )
    llm_vllm_args: str = Field(
        "", description="More arguments for the `vllm serve` that the service starts, e.g. `--tensor-parallel-size 2`."
    )
    llm_max_model_len: int = Field(4096, ge=256, description="Tokens of context: prompt and reply together.")
    llm_gpu_memory_utilization: float = Field(0.35, gt=0, le=1, description="Share of the GPU's memory vLLM may take.")
    llm_max_tokens: int = Field(256, ge=1, description="Longest reply in tokens, where a request does not say.")
    llm_temperature: float = Field(0.7, ge=0, le=2, description="Randomness, where a request does not say.")
    llm_max_streams: int = Field(16, ge=1, description="Replies written at once; beyond it: RESOURCE_EXHAUSTED.")
    llm_threads: int = Field(0, ge=0, description="CPU threads of the bundled llama.cpp server; 0: half of the CPUs.")
    llm_startup_timeout_s: float = Field(
        600.0, gt=0, description="Seconds that a server started by the service may take to load its model."
    )
    llm_request_timeout_s: float = Field(
        60.0, gt=0, description="Seconds without a byte from the server after which a request is given up."
    )

    @property
    def llm_base_urls(self) -> tuple[str, ...]:
        """The servers that LLM_BASE_URL names."""
        return tuple(url.strip().rstrip("/") for url in self.llm_base_url.split(",") if url.strip())
