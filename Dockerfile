# syntax=docker/dockerfile:1

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Optional dependencies too: what builds the dashboard has its compiled parts among them, one for each platform.
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY admin ./admin
# The dashboard says the same of an error as the reference does.
COPY docs/generate/what-to-check.ts ./docs/generate/
RUN npm run --silent build

FROM node:24-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
# Optional dependencies are Node.js itself, for machines without it. The image has its own.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-slim
# The package managers of the base image are of no use at run time, only to someone who has broken in.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && mkdir -p /etc/sallyport /var/lib/sallyport \
 && chown node:node /var/lib/sallyport
WORKDIR /app
COPY package.json LICENSE gateway.schema.json ./
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist

ENV NODE_ENV=production
USER node
# gateway.yaml is mounted into the first; in it, store: sqlite:/var/lib/sallyport/sallyport.db
VOLUME ["/etc/sallyport", "/var/lib/sallyport"]
EXPOSE 8080 9090
# Asks the admin listener from inside, where it may stay on loopback. With another address set SALLYPORT_HEALTH_URL.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.SALLYPORT_HEALTH_URL ?? 'http://127.0.0.1:9090/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Exec form: node is PID 1 and gets SIGTERM itself. "start" installs its handlers, without which PID 1 would ignore it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["start", "--config", "/etc/sallyport/gateway.yaml"]
