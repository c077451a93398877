"""Keys out of Prefect's Secret blocks."""

from typing import Any

from tasks.errors import ModelError, ServerError


def prefect_secret(name: str) -> str:
    """The value of a Secret block.

    Raises:
        ModelError: there is no such block.
        ServerError: the Prefect server does not answer.
    """
    import httpx
    from prefect.blocks.system import Secret

    try:
        block: Any = Secret.load(name, _sync=True)  # type: ignore[call-arg]
        return str(block.get())
    except ValueError:
        raise ModelError(
            f"there is no Secret block {name!r} on the Prefect server",
            f"Make it: python -c \"from prefect.blocks.system import Secret; Secret(value=input()).save('{name}')\"",
        ) from None
    except (httpx.HTTPError, RuntimeError) as error:
        raise ServerError(
            f"the Prefect server that has the Secret block {name!r} does not answer: {type(error).__name__}",
            "Does PREFECT_API_URL name it? Or give the key by an environment variable: `api: { key_env: … }`.",
        ) from None
