# cnnopt with ONNX Runtime, in a Debian image:
#   docker build -t cnnopt . && docker run --rm -v "$PWD:/work" cnnopt in.onnx slim.onnx --target-macs=0.5
FROM debian:12-slim AS build
COPY . /source
WORKDIR /source
RUN scripts/setup.sh \
  && cmake --preset release -DBUILD_TESTING=OFF -DCNNOPT_BENCHMARKS=OFF \
  && cmake --build --preset release -j "$(nproc)" \
  && cpack --config build/release/CPackConfig.cmake -G DEB -B /package \
  && mv /package/cnnopt_*.deb /package/cnnopt.deb \
  && cp -L /root/.cache/cnnopt/lib/libonnxruntime.so.1 /package/

FROM debian:12-slim
COPY --from=build /package /package
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
  && apt-get install -y --no-install-recommends /package/cnnopt.deb \
  && mv /package/libonnxruntime.so.1 /usr/lib/ \
  && ldconfig \
  && rm -rf /package /var/lib/apt/lists/* \
  && useradd --create-home --uid 1000 cnnopt
ENV ORT_DISABLE_TELEMETRY=1
USER 1000
WORKDIR /work
ENTRYPOINT ["cnnopt"]
