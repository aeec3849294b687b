-- Every rental begins at a known location, so the revenue of all pickups is the revenue of all rentals.
select
    metrics.revenue as pickup_revenue,
    rentals.revenue as rental_revenue
from (select sum(pickup_revenue) as revenue from {{ ref('location_metrics') }}) as metrics
cross join (select sum(total_amount) as revenue from {{ ref('rentals') }}) as rentals
where metrics.revenue <> rentals.revenue
