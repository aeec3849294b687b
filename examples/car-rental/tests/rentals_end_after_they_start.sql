select rental_id, rental_start_time, rental_end_time
from {{ ref('rentals') }}
where rental_end_time <= rental_start_time
