// Puts N jobs in BullMQ's queue: node put.mjs PORT N URL
import { Queue } from "bullmq";

const [port, count, url] = process.argv.slice(2);
const queue = new Queue("bench", { connection: { host: "127.0.0.1", port: Number(port), db: 8 } });
for (let done = 0; done < Number(count); done += 1000) {
  const size = Math.min(1000, Number(count) - done);
  await queue.addBulk(
    Array.from({ length: size }, () => ({ name: "get", data: { url }, opts: { removeOnComplete: true } })),
  );
}
await queue.close();
