// What a user of the generated client writes: create, read, patch, list, cancel. Prints what was answered as JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { env: Record<string, string | undefined> };

const client = createClient<paths>({
  baseUrl: process.env.BOOPER_API_URL,
  headers: { Authorization: `Bearer ${process.env.BOOPER_API_KEY}` },
});

const wanted: components["schemas"]["JobInput"] = {
  url: "https://example.com/hook",
  method: "post",
  query: { page: 1 },
  body: { content: "Hi" },
  cron: "0 9 * * 1-5",
  timezone: "Europe/London",
};

async function main() {
  const created = await client.POST("/api/jobs", { body: wanted });
  const run = created.data!.data;
  const id = run.schedule_id!;
  const renamed = await client.PATCH("/api/schedules/{schedule_id}", { params: { path: { schedule_id: id } }, body: { name: "x" } });
  const once = await client.POST("/api/jobs", { body: { url: wanted.url, schedule_in: [1, "hour"] } });
  const job_id = once.data!.data.job_id;
  const described = await client.PATCH("/api/jobs/{job_id}", {
    params: { path: { job_id: String(job_id) } },
    body: { description: "y" },
  });
  const listed = await client.GET("/api/jobs", { params: { query: { limit: 2, state: ["scheduled"] } } });
  const cancelled = await client.POST("/api/jobs/{job_id}/cancel", { params: { path: { job_id: String(job_id) } } });
  const refused = await client.POST("/api/jobs", { body: { url: "nonsense" } });
  console.log(
    JSON.stringify({
      created: run.args,
      renamed: renamed.data!.data,
      described: described.data!.data,
      listed: listed.data!.data.map((job) => job.job_id),
      cancelled: cancelled.data!.data.job.state,
      refused: "errors" in refused.error! ? refused.error.errors[0].pointer : null,
      job_id,
    }),
  );
}

await main();
