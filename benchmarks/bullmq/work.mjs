// BullMQ's worker: jobs in Redis, requests by undici. node work.mjs PORT
import { Worker } from "bullmq";
import { Agent, request } from "undici";

const dispatcher = new Agent({ connections: 200 });
new Worker(
  "bench",
  async (job) => {
    const { body } = await request(job.data.url, { dispatcher });
    await body.dump();
  },
  { connection: { host: "127.0.0.1", port: Number(process.argv[2]), db: 8 }, concurrency: 200 },
);
