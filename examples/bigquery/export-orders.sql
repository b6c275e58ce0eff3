-- Writes yesterday's orders as gzipped CSV files below gs://my-exports/ready/, whose notifications the courier delivers.
-- As a scheduled query, @run_date is the day of the run. Set-up: docs/recipes/bigquery-export.md
EXECUTE IMMEDIATE FORMAT("""
  EXPORT DATA OPTIONS (
    uri = 'gs://my-exports/ready/orders/%t/orders-*.csv.gz',
    format = 'CSV',
    compression = 'GZIP',
    header = TRUE,
    overwrite = TRUE
  ) AS
  SELECT order_id, customer, total
  FROM `my-proj.shop.orders`
  WHERE day = DATE_SUB(DATE '%t', INTERVAL 1 DAY)
  ORDER BY order_id
""", @run_date, @run_date);
