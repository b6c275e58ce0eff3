/**
 * Sends the active sheet as a CSV file to Google Drive by way of drive-courier, as the person who runs it.
 * Set-up: docs/recipes/from-apps-script.md
 */
const COURIER_URL = 'https://courier-xyz.a.run.app';

/** One cell by RFC 4180. */
function csvCell(value) {
  const text = value instanceof Date ? value.toISOString() : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Bind this one to a trigger. The same day is the same file, however often the trigger fires. */
function sendSheet() {
  const rows = SpreadsheetApp.getActiveSheet().getDataRange().getValues();
  const csv = rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
  const day = new Date().toISOString().slice(0, 10);
  const answer = UrlFetchApp.fetch(`${COURIER_URL}/v1/files?name=sheet-${day}.csv&path=sheets`, {
    method: 'post',
    contentType: 'text/csv',
    payload: Utilities.newBlob(csv, 'text/csv').getBytes(),
    headers: { Authorization: `Bearer ${ScriptApp.getIdentityToken()}`, 'Idempotency-Key': `sheet-${day}` },
    muteHttpExceptions: true,
  });
  const answered = JSON.parse(answer.getContentText());
  if (answer.getResponseCode() >= 400) throw new Error(`${answered.code}: ${answered.detail} ${answered.remedy}`);
  return answered.webViewLink;
}

/** The audience to add to the courier's configuration: the client id of this script. */
function logAudience() {
  const [, claims] = ScriptApp.getIdentityToken().split('.');
  const text = Utilities.newBlob(Utilities.base64DecodeWebSafe(claims)).getDataAsString();
  console.log(JSON.parse(text).aud);
}
