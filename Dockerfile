# PostgreSQL with ledger_engine, on the official image.
#
#   docker build -t ledger_engine --build-arg PG_MAJOR=17 .
#   docker run --name ledger -e POSTGRES_PASSWORD=... -v ledger:/var/lib/postgresql/data ledger_engine
#
# The server runs as user postgres, not as root. In a database: CREATE EXTENSION ledger_engine; SELECT acct.install();

ARG PG_MAJOR=17
FROM postgres:${PG_MAJOR}-bookworm AS build
# The headers of just the server that the image has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make "postgresql-server-dev-${PG_MAJOR}" \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j2 with_llvm=no \
    && make with_llvm=no DESTDIR=/out install

FROM postgres:${PG_MAJOR}-bookworm
LABEL org.opencontainers.image.title="ledger_engine" \
      org.opencontainers.image.description="PostgreSQL with an extension that books transactions as balanced double-entry journals" \
      org.opencontainers.image.licenses="PostgreSQL"
COPY --from=build /out/ /
# postgres, by its number, so that Kubernetes sees that it is not root
USER 999
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["pg_isready", "-q"]
