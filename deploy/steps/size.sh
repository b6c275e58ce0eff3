# shellcheck shell=bash
# Checks that memory, processors and concurrency of an instance are consistent.

# The buffers that one upload needs: two blocks of 256 KiB.
UPLOAD_KIB=512
DEFAULT_CONCURRENT_UPLOADS=80

mib_of() {
  case $1 in
    *Gi) echo $((${1%Gi} * 1024)) ;;
    *Mi) echo "${1%Mi}" ;;
  esac
}

# limit_of KEY: a number under "limits" in --config, in YAML or JSON; empty if it is not set.
limit_of() {
  [ -z "$config" ] || sed -n "s/.*[\"']\{0,1\}$1[\"']\{0,1\} *: *\([0-9][0-9]*\).*/\1/p" "$config" | head -n 1
}

# https://cloud.google.com/run/docs/configuring/services/cpu#cpu-memory
check_cpu() {
  local mib=$1 least=1
  [ "$mib" -le 4096 ] || least=2
  [ "$mib" -le 8192 ] || least=4
  [ "$mib" -le 16384 ] || least=6
  [ "$mib" -le 24576 ] || least=8
  [ "$mib" -le 32768 ] || misused "--memory $memory exceeds the 32Gi that Cloud Run offers."
  [ "$cpu" -ge "$least" ] || misused "--memory $memory requires --cpu $least or more."
  case $cpu in
    4) least=2048 ;;
    6 | 8) least=4096 ;;
    *) least=512 ;;
  esac
  [ "$mib" -ge "$least" ] || misused "--memory $memory is too small: --cpu $cpu requires at least ${least}Mi."
}

# The limit in the configuration and Cloud Run's concurrency must be equal. With a higher concurrency, requests above the limit
# get 429. With a lower one, part of the memory is never used.
check_concurrency() {
  local mib=$1 uploads buffer_kib bytes
  uploads=$(limit_of concurrentUploads)
  [ -z "$config" ] || uploads=${uploads:-$DEFAULT_CONCURRENT_UPLOADS}
  concurrency=${concurrency:-${uploads:-$DEFAULT_CONCURRENT_UPLOADS}}
  matches "$concurrency" '[1-9][0-9]{0,2}|1000' 'number of requests at once (1 to 1000)'
  uploads=${uploads:-$concurrency}
  [ "$concurrency" = "$uploads" ] ||
    misused "--concurrency $concurrency and limits.concurrentUploads $uploads of $config differ: set both to the same number."
  bytes=$(limit_of bufferBytes)
  # A quarter of the memory, unless the configuration says how much.
  buffer_kib=$((mib * 256))
  [ -z "$bytes" ] || buffer_kib=$((bytes / 1024))
  [ "$buffer_kib" -ge $((concurrency * UPLOAD_KIB)) ] ||
    misused "the buffers, $((buffer_kib / 1024)) MiB, are too small for $concurrency concurrent uploads, which need $((concurrency * UPLOAD_KIB / 1024)) MiB: increase --memory (a quarter of it is used for buffers), or decrease --concurrency."
}

check_size() {
  local mib
  matches "$memory" '[1-9][0-9]*(Mi|Gi)' 'memory size, such as 512Mi or 2Gi'
  matches "$cpu" '[12468]' 'number of processors (1, 2, 4, 6 or 8)'
  matches "$min_instances" '[0-9]{1,4}' 'number of instances'
  matches "$max_instances" '[1-9][0-9]{0,3}' 'number of instances'
  [ "$min_instances" -le "$max_instances" ] || misused "--min-instances $min_instances exceeds --max-instances $max_instances."
  matches "$ingress" 'all|internal|internal-and-cloud-load-balancing' 'ingress'
  [ -z "$labels" ] || matches "$labels" '[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}(,[a-z][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63})*' 'list of labels, such as team=reports,cost-center=42'
  [ -z "$vpc_egress" ] || matches "$vpc_egress" 'all-traffic|private-ranges-only' 'VPC egress'
  [ -z "$vpc_egress$vpc_subnet" ] || [ -n "$vpc_network" ] || misused '--vpc-subnet and --vpc-egress require --vpc-network.'
  # With an internal ingress, Pub/Sub of the same project still reaches the service; laptops do not.
  mib=$(mib_of "$memory")
  check_cpu "$mib"
  check_concurrency "$mib"
}

# Sets size_flags to the flags of "gcloud run deploy".
size_flags_for() {
  size_flags=(--memory="$memory" --cpu="$cpu" --cpu-boost --concurrency="$concurrency"
    --min-instances="$min_instances" --max-instances="$max_instances" --ingress="$1")
  if [ -n "$vpc_network" ]; then
    size_flags+=(--network="$vpc_network" --vpc-egress="${vpc_egress:-private-ranges-only}")
    [ -z "$vpc_subnet" ] || size_flags+=(--subnet="$vpc_subnet")
  fi
}
