output "url" {
  description = "Where the courier answers, and what callers' ID tokens are made for."
  value       = local.url
}

output "share_with" {
  description = "Account to share the Drive folder with, as Content manager or Editor."
  value       = coalesce(var.subject, google_service_account.writer.email)
}

output "topic" {
  description = "Where messages are published that become files; null without push."
  value       = one(google_pubsub_topic.exports[*].id)
}

output "aws_audience" {
  description = "For \"gcloud iam workload-identity-pools create-cred-config\"; null without AWS."
  value       = one(google_iam_workload_identity_pool_provider.aws[*].name)
}

output "aws_service_account" {
  description = "Service account that callers on AWS impersonate; null without AWS."
  value       = one(google_service_account.aws_caller[*].email)
}

output "next_steps" {
  description = "What is left to do by hand, and how to send a first file."
  value = compact([
    var.keyless ? "" : "gcloud iam service-accounts keys create - --iam-account=${google_service_account.writer.email} --project=${var.project} | gcloud secrets versions add ${var.name}-key --data-file=- --project=${var.project}",
    "In Drive, share the folder with ${coalesce(var.subject, google_service_account.writer.email)} as Content manager (in My Drive: as Editor). For the top folder of a shared drive, add it as a member of the drive.",
    length(local.accounts) == 0 ? "npx courier send FILE --url ${local.url}" : "npx courier send FILE --url ${local.url} --impersonate ${local.accounts[0]}",
    length(local.accounts) == 0 ? "npx courier doctor --url ${local.url}" : "npx courier doctor --url ${local.url} --impersonate ${local.operators[0]}",
    local.has_aws == 0 ? "" : "gcloud iam workload-identity-pools create-cred-config ${google_iam_workload_identity_pool_provider.aws[0].name} --aws --enable-imdsv2 --service-account=${google_service_account.aws_caller[0].email} --output-file=google-credentials.json",
    length(var.senders) > 0 || length(local.accounts) == 0 ? "" : "From a laptop, both need the right to act as that account: set senders = [\"user:YOUR_EMAIL\"].",
  ])
}
