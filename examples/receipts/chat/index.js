/**
 * Tells a Google Chat space about each file that the courier has delivered. It is a function behind the topic of receipts.
 *
 *   gcloud run deploy receipts-to-chat --source=. --function=tellChat --base-image=nodejs24 --region=europe-west1 --no-allow-unauthenticated --set-secrets=CHAT_WEBHOOK=chat-webhook:latest
 *   gcloud eventarc triggers create receipts-to-chat --location=europe-west1 --destination-run-service=receipts-to-chat --destination-run-region=europe-west1 --event-filters=type=google.cloud.pubsub.topic.v1.messagePublished --transport-topic=projects/my-proj/topics/drive-courier-receipts --service-account=receipts@my-proj.iam.gserviceaccount.com
 *
 * CHAT_WEBHOOK is the URL of an incoming webhook of the space (https://developers.google.com/workspace/chat/quickstart/webhooks).
 * Whoever has it can write to the space, so it comes from Secret Manager.
 */
import functions from '@google-cloud/functions-framework';

/** Outcomes that people want to hear of: not a replayed or skipped one, where nothing has changed. */
const NEWS = new Set(['created', 'replaced', 'appended']);

/** Characters with which Chat formats text (https://developers.google.com/workspace/chat/format-messages). */
const plain = (text) => text.replaceAll(/[<>|*_~`]/g, ' ');

const textOf = ({ fileId, name, path = '', destination, outcome }) => {
  const place = path === '' ? destination : `${destination}, ${path}`;
  return `<https://drive.google.com/open?id=${fileId}|${plain(name)}> is ${outcome} in ${plain(place)}`;
};

functions.cloudEvent('tellChat', async ({ data }) => {
  const { data: encoded, messageId } = data.message;
  const receipt = JSON.parse(Buffer.from(encoded, 'base64').toString());
  if (!NEWS.has(receipt.outcome)) return;
  const answer = await fetch(process.env.CHAT_WEBHOOK, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: JSON.stringify({ text: textOf(receipt) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (answer.ok) return;
  // Pub/Sub delivers the message again after an error. That helps only if the space was busy or out of order.
  if (answer.status === 429 || answer.status >= 500) throw new Error(`Chat answers ${answer.status}`);
  console.error(`Chat refuses the message ${messageId}: ${answer.status}`);
});
