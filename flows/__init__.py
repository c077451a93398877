"""What runs, in which order, with which retries: Prefect's flows, and the command line that starts them."""

from tasks import secrets


def _secret(name: str) -> str:
    from flows.secrets import prefect_secret

    return prefect_secret(name)


secrets.resolve_with(_secret)
