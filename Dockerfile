# Build:  docker build -t vitalwire .
# Run:    docker run --network host -v vitalwire:/data vitalwire
#
# --network host: until there are access tokens the server listens on loopback
# only, and refuses anything else, because whoever can connect can read and
# write everything. The loopback of a container is reached by nobody, so
# publishing a port (-p) would lead nowhere; with the host's network the server
# is on the host's own loopback, where an authenticating proxy can stand before
# it. Once there are tokens: -p 8080:8080 and VITALWIRE_LISTEN=0.0.0.0:8080.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/vitalwire . \
 && mkdir /out/data /out/tmp \
 && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /etc/ssl/certs/ca-certificates.crt /out/

FROM scratch
# Time zones for --zone, certificates for PostgreSQL over TLS, /tmp for the
# throw-away store of the demo and for SQLite's sorting.
COPY --from=build /out/zoneinfo.zip /usr/share/zoneinfo.zip
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/vitalwire /vitalwire
ENV ZONEINFO=/usr/share/zoneinfo.zip \
    VITALWIRE_STORE=sqlite:/data/vitalwire.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/vitalwire", "health"]
ENTRYPOINT ["/vitalwire"]
