variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Where the service runs, and the ledger's database is made, e.g. europe-west1."
  type        = string
}

variable "image" {
  description = "Container image of the courier: deploy/Dockerfile, built and pushed. A function has an image of its own, made by \"gcloud run deploy --source dist --function courier\"."
  type        = string
}

variable "name" {
  description = "Name of the service, and the beginning of all other names."
  type        = string
  default     = "drive-courier"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,22}[a-z0-9]$", var.name))
    error_message = "A name is 4 to 24 of a-z, 0-9 and -: service accounts' ids are made from it."
  }
}

variable "folder" {
  description = "Id of the Drive folder: the last part of its address."
  type        = string
}

variable "callers" {
  description = "Emails of who may send files."
  type        = list(string)

  validation {
    condition     = length(var.callers) > 0
    error_message = "Nobody may send files: name at least one caller."
  }
}

variable "operators" {
  description = "Emails of who may ask the doctor."
  type        = list(string)
  default     = []
}

variable "keyless" {
  description = "True: the courier impersonates the account that writes to Drive. False: it uses that account's key from Secret Manager, where you put it (see the output \"next_steps\"); no key is ever in Terraform's state."
  type        = bool
  default     = true
}

variable "subject" {
  description = "Whom the account acts for (domain-wide delegation); null: for itself."
  type        = string
  default     = null
}

variable "database" {
  description = "Firestore database of the ledger."
  type        = string
  default     = "(default)"
}

variable "create_database" {
  description = "False where the database is there already."
  type        = bool
  default     = true
}

variable "push" {
  description = "True: a topic whose messages are pushed to the courier, and one for those that can never be delivered."
  type        = bool
  default     = true
}

variable "bucket" {
  description = "Objects that appear in this bucket are put into Drive; null: no bucket. Needs push."
  type        = string
  default     = null
}

variable "sources" {
  description = "Objects that callers may have put into Drive: all below these gs://BUCKET/ or gs://BUCKET/PREFIX/. The courier is let read their buckets."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for source in var.sources : can(regex("^gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]/([^*?]*/)?$", source))])
    error_message = "A source is gs://BUCKET/ or gs://BUCKET/PREFIX/, and ends with a slash."
  }
}

variable "events_image" {
  description = "Image of the function courierEvent, for delivery by an Eventarc trigger rather than by push; null: no trigger."
  type        = string
  default     = null
}

variable "config" {
  description = "The courier's whole configuration as JSON or YAML, instead of the one made from the other variables."
  type        = string
  default     = null
}

variable "max_instances" {
  description = "Most instances at a time."
  type        = number
  default     = 20
}

variable "aws_account" {
  description = "Id of an AWS account whose roles may call without a key, through a workload identity pool; null: none."
  type        = string
  default     = null
}

variable "aws_roles" {
  description = "Names of the roles in that account that may call."
  type        = list(string)
  default     = []
}
