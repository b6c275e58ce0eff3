// node expected-delivery.mjs DESTINATION HH:MM ZONE [HOURS] DAYS
// Prints the alert policy "no delivery to DESTINATION by HH:MM", as JSON.

const [destination, by, zone, within, days] = process.argv.slice(2);
const DAY_MINUTES = 1_440;
/** How long the condition holds each day: long enough for an incident to open. */
const WINDOW_MINUTES = 30;

/** Minutes that the zone's clock is ahead of UTC now. @throws RangeError for a zone that does not exist */
const offsetOf = (timeZone, now) => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const { value = '' } = format.formatToParts(now).find(({ type }) => type === 'timeZoneName') ?? {};
  const [, sign, hours, minutes] = /^GMT([+-])(\d\d):(\d\d)$/.exec(value) ?? [undefined, '+', '0', '0'];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

const [hour, minute] = by.split(':').map(Number);
const localMinutes = hour * 60 + minute;
const dueMinutes = (localMinutes - offsetOf(zone, new Date()) + DAY_MINUTES) % DAY_MINUTES;
const lookBackMinutes = within ? Number(within) * 60 : Math.max(60, localMinutes);
const [firstDay, lastDay] = days.split('-').map(Number);

/** The PromQL name of a log-based metric: https://cloud.google.com/monitoring/promql/promql-mapping */
const deliveries = `logging_googleapis_com:user_courier_deliveries{monitored_resource="cloud_run_revision",destination="${destination}",outcome!~"failed|given-up"}`;
const dayCondition =
  firstDay <= lastDay
    ? `day_of_week() >= ${firstDay} and day_of_week() <= ${lastDay}`
    : `(day_of_week() >= ${firstDay} or day_of_week() <= ${lastDay})`;
const minuteOfDay = '(hour() * 60 + minute())';
const endMinutes = dueMinutes + WINDOW_MINUTES;
const timeCondition =
  endMinutes <= DAY_MINUTES
    ? `${minuteOfDay} >= ${dueMinutes} and ${minuteOfDay} < ${endMinutes}`
    : `(${minuteOfDay} >= ${dueMinutes} or ${minuteOfDay} < ${endMinutes - DAY_MINUTES})`;
const query = `((sum(increase(${deliveries}[${lookBackMinutes}m])) or vector(0)) < 1) and on() (${timeCondition}) and on() (${dayCondition})`;
const when = `${by}${zone === 'UTC' ? ' UTC' : ` (${zone})`}`;

const policy = {
  displayName: `drive-courier: no delivery to ${destination} by ${by}`,
  combiner: 'OR',
  severity: 'ERROR',
  documentation: {
    content: `No file was delivered to **${destination}** by ${when}, counted over the ${Math.round(lookBackMinutes / 6) / 10} hours before. Check the sender first: it may have sent nothing. For deliveries that failed, see docs/operating.md, "A file is missing".`,
    mimeType: 'text/markdown',
    subject: `drive-courier: no delivery to ${destination} by ${by}`,
  },
  conditions: [
    {
      displayName: `no delivery to ${destination}`,
      conditionPrometheusQueryLanguage: { query, duration: '0s', evaluationInterval: '60s' },
    },
  ],
  alertStrategy: { autoClose: '3600s' },
};
process.stdout.write(`${JSON.stringify(policy, undefined, 2)}\n`);
