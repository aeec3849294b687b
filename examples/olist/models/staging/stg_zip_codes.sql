{{ config(materialized='table') }}

-- The middle of all points of a prefix. Decimals, so that the average does not depend on the order of the points.
select
    geolocation_zip_code_prefix as zip_code_prefix,
    round(avg(cast(geolocation_lat as decimal(9,6))), 6) as latitude,
    round(avg(cast(geolocation_lng as decimal(9,6))), 6) as longitude,
    count(*) as points
from {{ ref('olist_geolocation_dataset') }}
group by geolocation_zip_code_prefix
