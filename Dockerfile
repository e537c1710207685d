# syntax=docker/dockerfile:1
# The operator's image: `docker build --tag wandb-byob:0.1.0 .`
# For a build that can be repeated, pin the base by content: --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Without pip: what is not in the image can't be used in it. The build's own pip installs into it.
RUN python -m venv --without-pip /opt/byob
# First what changes seldom. Every file is checked against its hash; nothing but wheels, so no foreign code runs here.
COPY requirements.txt ./
RUN pip --python /opt/byob/bin/python install --require-hashes --no-deps --only-binary :all: --requirement requirements.txt
COPY requirements-build.txt ./
RUN pip install --require-hashes --no-deps --only-binary :all: --requirement requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator ./operator
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/byob/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wandb-byob" \
      org.opencontainers.image.description="Operator that provisions, verifies and connects your own buckets to Weights & Biases" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/byob /opt/byob
# The root file system is read-only in the chart: bytecode was compiled above, HOME is where the SDKs look for (absent) configuration.
ENV PATH=/opt/byob/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that the kubelet can see that it is not root.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["byob"]
CMD ["operator"]
