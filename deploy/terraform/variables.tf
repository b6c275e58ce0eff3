variable "project" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of the service and of the ledger's database, e.g. europe-west1."
  type        = string
}

variable "image" {
  description = "Container image of the courier: deploy/Dockerfile, built and pushed. A function has its own image, created by \"gcloud run deploy --source dist --function courier\"."
  type        = string
}

variable "name" {
  description = "Name of the service, and prefix of all other names."
  type        = string
  default     = "drive-courier"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,22}[a-z0-9]$", var.name))
    error_message = "A name is 4 to 24 of a-z, 0-9 and -: service accounts' ids are made from it."
  }
}

variable "folder" {
  description = "Id of the Drive folder: the last part of its URL."
  type        = string
}

variable "callers" {
  description = "Emails of the service accounts that may send files."
  type        = list(string)

  validation {
    condition     = length(var.callers) > 0
    error_message = "At least one caller is required."
  }

  validation {
    condition     = var.gcloud_user_tokens || alltrue([for email in concat(var.callers, var.operators) : endswith(email, ".gserviceaccount.com")])
    error_message = "gcloud does not issue tokens for the courier to people. Use service accounts, and let people impersonate them (senders), or set gcloud_user_tokens."
  }
}

variable "operators" {
  description = "Emails of the service accounts that may run the doctor. Empty: the first caller."
  type        = list(string)
  default     = []
}

variable "senders" {
  description = "Members that may send from a laptop as the first caller (\"courier send --impersonate\"): user:EMAIL or group:EMAIL."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.senders : can(regex("^(user|group):[^@]+@[^@]+$", member))])
    error_message = "A sender is user:EMAIL or group:EMAIL."
  }
}

variable "gcloud_user_tokens" {
  description = "True: people are accepted as callers and operators, with the tokens that gcloud issues for itself. Anybody who gets such a token can use it elsewhere, so use this only to try things out."
  type        = bool
  default     = false
}

# Terraform prints this at each plan and apply, and continues.
check "gcloud_user_tokens" {
  assert {
    condition     = !var.gcloud_user_tokens
    error_message = "gcloud_user_tokens accepts tokens that gcloud issues for itself. Any service that receives such a token can replay it to the courier, so use this only to try things out."
  }
}

variable "keyless" {
  description = "True: the courier impersonates the account that writes to Drive. False: it uses that account's key from Secret Manager, which you add by hand (see the output \"next_steps\"); no key is ever in Terraform's state."
  type        = bool
  default     = true
}

variable "subject" {
  description = "User that the account acts for (domain-wide delegation). null: none."
  type        = string
  default     = null
}

variable "database" {
  description = "Firestore database of the ledger."
  type        = string
  default     = "(default)"
}

variable "create_database" {
  description = "False if the database exists already."
  type        = bool
  default     = true
}

variable "push" {
  description = "True: a topic with a push subscription to the courier, and a dead-letter topic."
  type        = bool
  default     = true
}

variable "bucket" {
  description = "Bucket whose new objects are delivered to Drive. null: none. Needs push."
  type        = string
  default     = null
}

variable "sources" {
  description = "What callers may have delivered: objects below gs://BUCKET/ or gs://BUCKET/PREFIX/, and tables, bigquery://PROJECT.DATASET.TABLE or bigquery://PROJECT.DATASET.*. The courier is granted read access to them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for source in var.sources : can(regex("^(gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]/([^*?]*/)?|bigquery://[a-z][a-z0-9.:-]+\\.[A-Za-z0-9_]+\\.([*]|[^.*`]+))$", source))])
    error_message = "A source is gs://BUCKET/ or gs://BUCKET/PREFIX/, which end with a slash, or bigquery://PROJECT.DATASET.TABLE or bigquery://PROJECT.DATASET.*."
  }
}

variable "datasets" {
  description = "Datasets that the queries of the configuration read, as PROJECT.DATASET. The courier is granted read access to them."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for dataset in var.datasets : can(regex("^[a-z][a-z0-9.:-]+\\.[A-Za-z0-9_]+$", dataset))])
    error_message = "A dataset is PROJECT.DATASET."
  }
}

variable "receipts" {
  description = "True: every receipt is published to the topic NAME-receipts. With a configuration of your own, set its \"receiptTopic\" instead."
  type        = bool
  default     = false

  validation {
    condition     = !var.receipts || var.config == null
    error_message = "Set receiptTopic in the configuration instead."
  }
}

variable "events_image" {
  description = "Image of the function courierEvent, for delivery by an Eventarc trigger instead of by push. null: no trigger."
  type        = string
  default     = null
}

variable "config" {
  description = "Complete configuration as JSON or YAML, instead of the one generated from the other variables."
  type        = string
  default     = null
}

variable "memory" {
  description = "Memory of an instance, such as 512Mi or 2Gi. A quarter of it is for buffers."
  type        = string
  default     = "1Gi"

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "Memory is a number with Mi or Gi, such as 512Mi or 2Gi."
  }
}

variable "cpu" {
  description = "Processors of an instance: 1, 2, 4, 6 or 8."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "It is 1, 2, 4, 6 or 8 processors."
  }
}

variable "concurrency" {
  description = "Concurrent requests per instance; also limits.concurrentUploads of the generated configuration."
  type        = number
  default     = 80

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "Between 1 and 1000."
  }

  # Each upload needs two buffers of 256 KiB, and a quarter of the memory is for buffers.
  validation {
    condition     = try(tonumber(regex("^[0-9]+", var.memory)) * (endswith(var.memory, "Gi") ? 1024 : 1) / 4 >= var.concurrency / 2, true)
    error_message = "The buffers, a quarter of the memory, are too small for so many uploads at once: each needs 512 KiB."
  }
}

variable "min_instances" {
  description = "Minimum number of instances."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Maximum number of instances."
  type        = number
  default     = 20

  validation {
    condition     = var.max_instances >= max(1, var.min_instances)
    error_message = "It is at least 1, and not less than min_instances."
  }
}

variable "ingress" {
  description = "Source of requests: all, internal, or internal-and-cloud-load-balancing."
  type        = string
  default     = "all"

  validation {
    condition     = contains(["all", "internal", "internal-and-cloud-load-balancing"], var.ingress)
    error_message = "It is all, internal, or internal-and-cloud-load-balancing."
  }
}

variable "labels" {
  description = "Labels of the services."
  type        = map(string)
  default     = {}
}

variable "vpc" {
  description = "VPC network that the service sends its traffic through; egress is PRIVATE_RANGES_ONLY or ALL_TRAFFIC. null: none."
  type        = object({ network = string, subnet = optional(string), egress = optional(string, "PRIVATE_RANGES_ONLY") })
  default     = null
}

variable "ready_probe" {
  description = "True: a new revision gets traffic only after /v1/ready has checked credentials, ledger and folder. Set it once the folder is shared."
  type        = bool
  default     = false
}

variable "audit_sink" {
  description = "Destination of a copy of the audit lines: bigquery:DATASET or gs://BUCKET, which must exist. null: none."
  type        = string
  default     = null

  validation {
    condition     = var.audit_sink == null || can(regex("^(bigquery:[A-Za-z0-9_]+|gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9])$", var.audit_sink))
    error_message = "A sink is bigquery:DATASET or gs://BUCKET."
  }
}

variable "monitoring" {
  description = "True: the log-based metrics, the dashboard and the alert policies of deploy/monitoring."
  type        = bool
  default     = false
}

variable "notification_channels" {
  description = "Notification channels that receive alerts: names such as projects/PROJECT/notificationChannels/NUMBER."
  type        = list(string)
  default     = []
}

variable "units_a_day" {
  description = "Budget of Drive API quota units for all deliveries in 24 hours. Above it an alert is sent."
  type        = number
  default     = 300000000
}

variable "aws_account" {
  description = "Id of an AWS account whose roles may call without a key, through a workload identity pool. null: none."
  type        = string
  default     = null
}

variable "aws_roles" {
  description = "Names of the roles in that account that may call."
  type        = list(string)
  default     = []
}
