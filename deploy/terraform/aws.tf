# Callers on AWS need no key: Google exchanges their role's signed request for a Google identity (see deploy/aws/).

locals {
  has_aws = var.aws_account == null ? 0 : 1
}

resource "google_iam_workload_identity_pool" "aws" {
  count = local.has_aws

  project                   = var.project
  workload_identity_pool_id = "${var.name}-aws"
  display_name              = "Callers on AWS"

  depends_on = [google_project_service.api]
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  count = local.has_aws

  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.aws[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "aws-provider"

  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
  }

  aws {
    account_id = var.aws_account
  }
}

resource "google_service_account" "aws_caller" {
  count = local.has_aws

  project      = var.project
  account_id   = "${var.name}-aws"
  display_name = "drive-courier: callers on AWS"

  depends_on = [google_project_service.api]
}

# The role can get ID tokens of the caller, and nothing else.
resource "google_service_account_iam_member" "aws_role" {
  for_each = local.has_aws == 1 ? toset(var.aws_roles) : toset([])

  service_account_id = google_service_account.aws_caller[0].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.aws[0].name}/attribute.aws_role/arn:aws:sts::${var.aws_account}:assumed-role/${each.key}"
}
