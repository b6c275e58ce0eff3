output "url" {
  description = "Where the courier answers, and what callers' ID tokens are made for."
  value       = local.url
}

output "share_with" {
  description = "Whom the Drive folder must be shared with, as Content manager or Editor."
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
  description = "Whom callers on AWS act as; null without AWS."
  value       = one(google_service_account.aws_caller[*].email)
}

output "next_steps" {
  description = "What is left to do by hand."
  value = compact([
    "Share the folder with ${coalesce(var.subject, google_service_account.writer.email)} as Content manager.",
    var.keyless ? "" : "gcloud iam service-accounts keys create - --iam-account=${google_service_account.writer.email} --project=${var.project} | gcloud secrets versions add ${var.name}-key --data-file=- --project=${var.project}",
  ])
}
