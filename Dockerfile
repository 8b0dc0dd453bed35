# The first stage has a compiler and makes the environment; the second has neither, and runs as nobody in particular.
FROM python:3.13-slim AS build
WORKDIR /build
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/crmgraph
COPY requirements/runtime.txt requirements/
RUN /opt/crmgraph/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md ./
COPY src src
RUN /opt/crmgraph/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 crmgraph && install --directory --owner=crmgraph /var/lib/crmgraph
COPY --from=build /opt/crmgraph /opt/crmgraph
ENV PATH=/opt/crmgraph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CRMGRAPH_PHOTO_URL=file:///var/lib/crmgraph/photos \
    CRMGRAPH_DEMO_FOLDER=/var/lib/crmgraph/demo
USER crmgraph
WORKDIR /var/lib/crmgraph
VOLUME /var/lib/crmgraph
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["crmgraph"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2"]
