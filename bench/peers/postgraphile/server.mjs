// PostGraphile 5 over our tables, as its documentation sets it up for production: the Amber preset, the pg pool with
// prepared statements, Grafserv on Node's own server, GRAPHILE_ENV=production, no GraphiQL and no websockets.
import { createServer } from "node:http";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgSmartTagsPlugin } from "postgraphile/utils";
import { postgraphile } from "postgraphile";

const { BENCH_DATABASE, BENCH_PORT, BENCH_POOL, BENCH_STAFF_ID, BENCH_CREDENTIAL_ID } = process.env;

// Phones, emails and addresses refer to the registry of parties; for the schema they belong to their contact.
const children = ["phone", "email", "address"];
const tags = makePgSmartTagsPlugin(
  children.map((name) => ({
    kind: "class",
    match: `public.${name}`,
    tags: { foreignKey: "(party_id) references public.contact (id)|@behavior +list -connection" },
  })),
);

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [tags],
  // It offers only what an index over the whole table serves; ours are over the live rows.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: BENCH_DATABASE,
      schemas: ["public"],
      // Who writes is a constant of the connection: as pgSettings it would wrap every read in a transaction.
      poolConfig: {
        max: Number(BENCH_POOL),
        options: `-c bench.staff_id=${BENCH_STAFF_ID} -c bench.credential_id=${BENCH_CREDENTIAL_ID}`,
      },
    }),
  ],
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false, maxRequestLength: 1_000_000 },
  grafast: { explain: false },
};

const pgl = postgraphile(preset);
if (process.argv.includes("--print")) {
  const { printSchema } = await import("graphql");
  console.log(printSchema(await pgl.getSchema()));
  await pgl.release();
} else {
  const serv = pgl.createServ(grafserv);
  const server = createServer();
  await serv.addTo(server);
  server.listen(Number(BENCH_PORT), "127.0.0.1");
}
