# Google's side: a pool that believes one AWS account, and a service account that one role of it may act as.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

variable "project" {
  type = string
}

variable "aws_account_id" {
  description = "Output aws_account_id of ../aws"
  type        = string
}

variable "assumed_role_arn" {
  description = "Output assumed_role_arn of ../aws: arn:aws:sts::ACCOUNT:assumed-role/ROLE"
  type        = string
}

provider "google" {
  project = var.project
}

resource "google_project_service" "apis" {
  for_each           = toset(["iam.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com"])
  service            = each.key
  disable_on_destroy = false
}

resource "google_iam_workload_identity_pool" "aws" {
  workload_identity_pool_id = "aws-pool"
  display_name              = "Workloads on AWS"

  depends_on = [google_project_service.apis]
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.aws.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws-provider"

  aws {
    account_id = var.aws_account_id
  }

  # AWS's default mapping, written out: attribute.aws_role is the role without its session's name.
  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
  }
}

resource "google_service_account" "exporter" {
  account_id   = "exporter"
  display_name = "Calls drive-courier from AWS"

  depends_on = [google_project_service.apis]
}

# Holds iam.serviceAccounts.getOpenIdToken, which the ID token for the courier needs.
resource "google_service_account_iam_member" "exporter" {
  service_account_id = google_service_account.exporter.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.aws.name}/attribute.aws_role/${var.assumed_role_arn}"
}

# For "callers" of a destination in the courier's configuration.
output "caller" {
  value = google_service_account.exporter.email
}

output "create_credentials_file" {
  value = "gcloud iam workload-identity-pools create-cred-config ${google_iam_workload_identity_pool_provider.aws.name} --aws --enable-imdsv2 --service-account=${google_service_account.exporter.email} --output-file=google-credentials.json"
}
