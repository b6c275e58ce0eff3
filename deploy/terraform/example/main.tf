# The caller must exist: gcloud iam service-accounts create report-job --project=my-project
# terraform init && terraform apply -var project=my-project -var folder=0AFolderId -var image=europe-west1-docker.pkg.dev/my-project/courier/courier:1

variable "project" {
  type = string
}

variable "folder" {
  type = string
}

variable "image" {
  type = string
}

variable "senders" {
  description = "Who may send from a laptop as the caller, such as [\"user:you@example.com\"]."
  type        = list(string)
  default     = []
}

module "courier" {
  source = "./.."

  project = var.project
  region  = "europe-west1"
  image   = var.image
  folder  = var.folder
  callers = ["report-job@${var.project}.iam.gserviceaccount.com"]
  senders = var.senders
}

output "url" {
  value = module.courier.url
}

output "next_steps" {
  value = module.courier.next_steps
}
