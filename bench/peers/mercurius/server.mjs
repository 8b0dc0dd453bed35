// Mercurius on Fastify as its documentation sets it up for production: the JIT from the first request, loaders for
// every relation, a pool of node-postgres with named (prepared) statements, NODE_ENV=production, no GraphiQL.
import { readFile } from "node:fs/promises";
import Fastify from "fastify";
import mercurius from "mercurius";
import { loaders, resolvers } from "./resolvers.mjs";

const schema = await readFile(new URL("../canonical.graphql", import.meta.url), "utf8");
const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ port: Number(process.env.BENCH_PORT), host: "127.0.0.1" });
