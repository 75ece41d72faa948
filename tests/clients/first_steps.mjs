// What a user of the client for node writes: create, read, change, list, cancel. Prints what was answered as JSON.
import Scheduler, { BadRequest, NotFound } from "../../clients/node/index.mjs";

const scheduler = new Scheduler();
const shown = {};

shown.pong = await scheduler.ping();
const run = await scheduler.jobs.create({
  url: "https://example.com/hook",
  method: "POST",
  body: { content: "Hi", nested: [1, { deep: null }] },
  cron: "0 9 * * 1-5",
  timezone: "Europe/London",
});
shown.args = run.args;
shown.paused = await scheduler.schedules.disable(run.schedule_id, { reason: "a holiday" });
shown.resumed = await scheduler.schedules.enable(run.schedule_id);
shown.put = await scheduler.schedules.put("reports.daily", { url: "https://example.com/", repeat_every: [1, "day"] });

const batch = await scheduler.jobs.createMany([{ url: "https://example.com/1", tags: ["mail"] }, { url: "nonsense" }]);
shown.batch = batch.map((each) => each.error?.status ?? each.job.state);
const once = await scheduler.jobs.create({ url: "https://example.com/2", schedule_in: [1, "hour"], tags: ["mail"] });
shown.later = await scheduler.jobs.update(once.job_id, { scheduled_at: new Date("2026-03-02T12:00:00Z") });
shown.tagged = [];
for await (const job of scheduler.jobs.iterate({ tag: "mail", page_size: 1 })) shown.tagged.push(job.args.url);
shown.would = await scheduler.jobs.cancelMany({ tag: "mail", dry_run: true });
shown.cancelled = (await scheduler.jobs.cancel(once.job_id)).job.state;
shown.erased = (await scheduler.jobs.delete(once.job_id)) ?? null;
shown.next = (await scheduler.preview({ cron: "0 9 * * *" })).runs.length;
shown.calendar = await scheduler.calendars.put("closed", { dates: ["2026-12-25"] });
shown.queue = (await scheduler.queues.put("slow", { concurrency: 2 })).concurrency;
shown.refused = await scheduler.jobs.create({}).catch((error) => error instanceof BadRequest && error.errors[0].pointer);
shown.gone = await scheduler.jobs.get(once.job_id).catch((error) => error instanceof NotFound && error.status);
console.log(JSON.stringify(shown));
