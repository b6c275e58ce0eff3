# The AWS side: a Lambda function, and the role that Google is configured to trust.
# No permission of AWS is needed for that: Google verifies a signed sts:GetCallerIdentity, which every role may call.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "courier_url" {
  description = "Where the courier is, e.g. https://courier-xyz.a.run.app"
  type        = string
}

variable "package" {
  description = "The zip file of examples/aws-lambda/node with its node_modules and google-credentials.json"
  type        = string
}

variable "name" {
  description = "Of the function and its role"
  type        = string
  default     = "report-exporter"
}

variable "runtime" {
  description = "Of Lambda; drive-courier's client needs Node 24, and nodejs24.x a provider of version 6"
  type        = string
  default     = "nodejs24.x"
}

data "aws_caller_identity" "current" {}

resource "aws_iam_role" "exporter" {
  name = var.name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.exporter.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "exporter" {
  function_name    = var.name
  role             = aws_iam_role.exporter.arn
  runtime          = var.runtime
  handler          = "handler.handler"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  timeout          = 60
  memory_size      = 256

  environment {
    variables = {
      COURIER_URL                    = var.courier_url
      GOOGLE_APPLICATION_CREDENTIALS = "google-credentials.json"
    }
  }
}

# For ../google: the account, and the role as sts:GetCallerIdentity names its sessions ("sts", not "iam").
output "aws_account_id" {
  value = data.aws_caller_identity.current.account_id
}

output "assumed_role_arn" {
  value = "arn:aws:sts::${data.aws_caller_identity.current.account_id}:assumed-role/${aws_iam_role.exporter.name}"
}
